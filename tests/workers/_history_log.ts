/** What a test of linearizability and its workers share: orders, and how the workers write down what they did. */

import type { MemPoolHandle } from "mempool";
import { type Call, NONE, type Operation } from "./_history_checker.ts";

/** Makes a worker take part in some histories, one after the other. */
export interface HistoriesOrder {
  readonly handle: MemPoolHandle;
  /** The number of this worker, from 0, and of all. */
  readonly worker: number;
  readonly workers: number;
  readonly seed: number;
  readonly histories: number;
  /** Whether workers also free what is not theirs, or look at it: what was freed before, or another is just being handed. */
  readonly guesses: boolean;
  /** Words that all share. */
  readonly words: SharedArrayBuffer;
  /** Where the workers write their calls. */
  readonly log: SharedArrayBuffer;
}

/** Words that all workers share: a clock, and how many have come to a meeting. */
export const CLOCK = 0;
export const STARTS = 1;
export const ENDS = 3;
/** And how many of them are awake. */
export const WORDS_BYTES = 20;

/** Calls that each worker makes in a history. */
export const FEWEST_CALLS = 2;
export const MOST_CALLS_EACH = 5;

/**
 * One worker first takes some blocks, and may free one. In the end it frees what is left, by a call for each block, and
 * may take all blocks as one and free them.
 */
const PLACES = (6 + 1) + MOST_CALLS_EACH + (6 + 2);

/** A call in the log: when, what, and its result. */
const INVOKED = 0;
const RETURNED = 1;
const KIND = 2;
const ARGUMENT = 3;
const OTHER_ARGUMENT = 4;
const RESULT = 5;
const CALL_WORDS = 6;

const KINDS: readonly (Operation["kind"] | undefined)[] = [
  undefined,
  "alloc",
  "allocMany",
  "free",
  "freeMany",
  "look",
];

/** Two block numbers in one result. */
const PAIR = 16;

export function makeLog(workers: number, histories: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * workers * histories * PLACES * CALL_WORDS);
}

/** A worker's own part of the log. */
export class LogWriter {
  readonly #log: Int32Array;
  readonly #words: Int32Array;
  readonly #order: HistoriesOrder;
  #at = 0;

  constructor(order: HistoriesOrder) {
    this.#order = order;
    this.#log = new Int32Array(order.log);
    this.#words = new Int32Array(order.words);
  }

  /** Begins a history. */
  begin(history: number): void {
    this.#at = placeOf(history, this.#order.worker, this.#order.workers);
  }

  /** Makes a call and writes down when it began and ended. */
  alloc(length: number, call: () => number): number {
    return this.#note("alloc", length, 0, call);
  }

  allocMany(call: () => readonly [number, number] | typeof NONE): void {
    this.#note("allocMany", 0, 0, () => {
      const got = call();
      return got === NONE ? NONE : got[0] * PAIR + got[1];
    });
  }

  free(block: number, call: () => boolean): void {
    this.#note("free", block, 0, () => Number(call()));
  }

  freeMany(one: number, other: number, call: () => boolean): void {
    this.#note("freeMany", one, other, () => Number(call()));
  }

  look(block: number, call: () => boolean): void {
    this.#note("look", block, 0, () => Number(call()));
  }

  #note(kind: Operation["kind"], argument: number, other: number, call: () => number): number {
    const invoked = Atomics.add(this.#words, CLOCK, 1);
    const result = call();
    const returned = Atomics.add(this.#words, CLOCK, 1);
    this.#log.set([invoked, returned, KINDS.indexOf(kind), argument, other, result], this.#at);
    this.#at += CALL_WORDS;
    return result;
  }
}

/** The calls of one history, by all workers. */
export function readHistory(log: Int32Array, workers: number, history: number): Call[] {
  const calls: Call[] = [];
  for (let worker = 0; worker < workers; worker++) {
    const start = placeOf(history, worker, workers);
    for (let place = start; place < start + PLACES * CALL_WORDS && log[place + KIND] !== 0; place += CALL_WORDS) {
      calls.push({
        worker,
        invoked: log[place + INVOKED]!,
        returned: log[place + RETURNED]!,
        operation: readOperation(log, place),
      });
    }
  }
  return calls;
}

function readOperation(log: Int32Array, place: number): Operation {
  const argument = log[place + ARGUMENT]!;
  const result = log[place + RESULT]!;
  const kind = KINDS[log[place + KIND]!];
  switch (kind) {
    case "alloc":
      return { kind, length: argument, got: result };
    case "allocMany":
      return { kind, got: result === NONE ? NONE : [Math.floor(result / PAIR), result % PAIR] };
    case "free":
    case "look":
      return { kind, block: argument, done: result === 1 };
    case "freeMany":
      return { kind, blocks: [argument, log[place + OTHER_ARGUMENT]!], done: result === 1 };
    case undefined:
      throw new Error(`The log has an entry of kind ${log[place + KIND]}`);
  }
}

function placeOf(history: number, worker: number, workers: number): number {
  return (history * workers + worker) * PLACES * CALL_WORDS;
}
