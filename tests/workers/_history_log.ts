/** What linearizability_test.ts shares with its workers: orders, and the log into which workers write their calls. */

import type { MemPoolHandle } from "mempool";
import { type Call, NONE, type Operation } from "./_history_checker.ts";

/** Lets a worker take part in histories, one after another. */
export interface HistoriesOrder {
  readonly handle: MemPoolHandle;
  /** The number of this worker, from 0. */
  readonly worker: number;
  /** How many workers take part. */
  readonly workers: number;
  readonly seed: number;
  readonly histories: number;
  /** Whether the worker also frees and looks at blocks that are not its own: free ones, and those of other workers. */
  readonly guesses: boolean;
  /** Words that all workers share: CLOCK, STARTS and ENDS. */
  readonly words: SharedArrayBuffer;
  /** The log of all workers; see `LogWriter`. */
  readonly log: SharedArrayBuffer;
}

/** Places of the shared words: a clock, and the meetings before and after each history, with two words each. */
export const CLOCK = 0;
export const STARTS = 1;
export const ENDS = 3;
export const WORDS_BYTES = 20;

/** How many calls each worker makes in a history. */
export const FEWEST_CALLS = 2;
export const MOST_CALLS_EACH = 5;

/**
 * Room in the log for the calls of one worker in one history. Before the others start, one worker allocates up to six
 * blocks and may free one. At the end, one worker calls free for each of up to six blocks, and may allocate and free
 * all of them as one run.
 */
const PLACES = (6 + 1) + MOST_CALLS_EACH + (6 + 2);

/** The words of a call in the log. */
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

/** The factor of the first of two block numbers in one result. */
const PAIR = 16;

export function makeLog(workers: number, histories: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * workers * histories * PLACES * CALL_WORDS);
}

/** Writes the calls of one worker into its part of the log. */
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

  /** Begins the history with this number. */
  begin(history: number): void {
    this.#at = placeOf(history, this.#order.worker, this.#order.workers);
  }

  /** Makes a call and logs when it began and returned, and its result. */
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

/** The calls of all workers in one history. */
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
