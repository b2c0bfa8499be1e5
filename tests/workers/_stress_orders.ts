/**
 * What the stress tests and their workers share: orders, and `Shared`, which consists of
 *
 * - places where a worker leaves a block and takes what another worker has left, by one atomic exchange;
 * - a ledger that says for each allocated run how many words it holds and which stamp they carry.
 */

import type { MemPoolHandle } from "mempool";

export interface StressOrder {
  readonly handle: MemPoolHandle;
  /** The number of the worker, from 1. No two workers of a test have the same. */
  readonly worker: number;
  readonly seed: number;
  /** How many runs the worker allocates, resizes or frees. */
  readonly operations: number;
  /** How many runs the worker tries to hold. */
  readonly target: number;
  readonly shared: SharedArrayBuffer;
  /**
   * Whether the worker is to be terminated: it replies with its thread's number, goes on without end, and pauses
   * regularly.
   */
  readonly endless: boolean;
}

/** How many operations a worker made, of which kind, and how many runs it took over from other workers. */
export interface StressReport {
  readonly operations: number;
  readonly allocs: number;
  readonly frees: number;
  readonly exhausted: number;
  readonly resized: number;
  readonly takenOver: number;
}

export const NONE = -1;

/** The number of places where workers leave blocks. */
const PLACES = 512;

/** Words for each block in the ledger. */
const LEDGER_WORDS = 2;
const LENGTH = 0;
const STAMP = 1;

/** How many allocations of one worker have different stamps. */
const SERIALS = 2 ** 18;

/** The shared words: the places, then the ledger. */
export class Shared {
  readonly #words: Int32Array;

  static make(blockCount: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (PLACES + LEDGER_WORDS * blockCount));
  }

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared);
  }

  /** Enters into the ledger how many words a run holds, and their stamp. */
  enter(block: number, words: number, stamp: number): void {
    this.#words[PLACES + LEDGER_WORDS * block + LENGTH] = words;
    this.#words[PLACES + LEDGER_WORDS * block + STAMP] = stamp;
  }

  wordsOf(block: number): number {
    return this.#words[PLACES + LEDGER_WORDS * block + LENGTH]!;
  }

  stampOf(block: number): number {
    return this.#words[PLACES + LEDGER_WORDS * block + STAMP]!;
  }

  /** Leaves a block, or NONE, at a place. Returns the block that was there, or NONE. */
  swap(place: number, block: number): number {
    return Atomics.exchange(this.#words, place % PLACES, block + 1) - 1;
  }

  /** Takes the blocks from all places. */
  *takeAll(): Generator<number> {
    for (let place = 0; place < PLACES; place++) {
      const block = this.swap(place, NONE);
      if (block !== NONE) yield block;
    }
  }
}

/** A number that differs for all allocations of all workers. */
export function stampOf(worker: number, serial: number): number {
  return worker * SERIALS + serial % SERIALS;
}

/** The contents of a word: they depend on its place in the pool and on the stamp of its run. */
function cookieAt(word: number, stamp: number): number {
  return Math.imul(word ^ Math.imul(stamp, 0x9e3779b1), 0x85ebca6b);
}

/** Fills a run of the data. `first` is the place that its contents depend on: that of its first word. */
export function fillWords(data: Int32Array, at: number, words: number, first: number, stamp: number): void {
  for (let word = 0; word < words; word++) data[at + word] = cookieAt(first + word, stamp);
}

/** Expects a run to be as `fillWords` left it. After a realloc, `at` is its new place and `first` the old one. */
export function checkWords(data: Int32Array, at: number, words: number, first: number, stamp: number): void {
  for (let word = 0; word < words; word++) {
    if (data[at + word] !== cookieAt(first + word, stamp)) {
      const owner = Math.floor(stamp / SERIALS);
      throw new Error(
        `Word ${word} of ${words} in the run at offset ${4 * at} was overwritten; worker ${owner} had filled it`,
      );
    }
  }
}
