/**
 * What the stress test and its workers share: a ledger that says what each block holds, and a shared array of blocks
 * that belong to nobody, where workers swap what they have for what others left.
 */

import type { MemPoolHandle } from "mempool";

export interface StressOrder {
  readonly handle: MemPoolHandle;
  /** Tells workers apart, from 1: no two of a test have the same number. */
  readonly worker: number;
  readonly seed: number;
  /** Blocks and runs to allocate, resize or free. */
  readonly operations: number;
  /** Blocks and runs that the worker tries to hold. */
  readonly target: number;
  readonly shared: SharedArrayBuffer;
  /**
   * Where a worker's death is seen that is to be terminated. It replies early, goes on for ever, and pauses now and
   * then: Deno ends no worker before it does.
   */
  readonly vigil?: MemPoolHandle;
}

/** What a worker did: operations, of what kind, and how many blocks it took over from others. */
export interface StressReport {
  readonly operations: number;
  readonly allocs: number;
  readonly frees: number;
  readonly exhausted: number;
  readonly resized: number;
  readonly takenOver: number;
}

export const NONE = -1;

/** Places for blocks that belong to nobody. */
const PLACES = 512;

/** Words a block in the ledger. */
const LEDGER_WORDS = 2;
const LENGTH = 0;
const STAMP = 1;

/** Allocations of one worker that its stamps tell apart. */
const SERIALS = 2 ** 18;

/** The shared words: first the places, then the ledger. */
export class Shared {
  readonly #words: Int32Array;

  static make(blockCount: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (PLACES + LEDGER_WORDS * blockCount));
  }

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared);
  }

  /** Writes down how many words a block or run holds, and which stamp is in them. */
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

  /** Leaves a block, or NONE, at a place for others; returns what lay there, or NONE. */
  swap(place: number, block: number): number {
    return Atomics.exchange(this.#words, place % PLACES, block + 1) - 1;
  }

  /** Takes whatever lies at some place. */
  *takeAll(): Generator<number> {
    for (let place = 0; place < PLACES; place++) {
      const block = this.swap(place, NONE);
      if (block !== NONE) yield block;
    }
  }
}

/** Tells one allocation of a worker from all others, of other workers too. */
export function stampOf(worker: number, serial: number): number {
  return worker * SERIALS + serial % SERIALS;
}

/** What the word at an index of the pool's data holds: by where it is, and by whose it is. */
function cookieAt(word: number, stamp: number): number {
  return Math.imul(word ^ Math.imul(stamp, 0x9e3779b1), 0x85ebca6b);
}

/**
 * Fills words of the data, or of a block whose first word is number `first` of the data, with the cookie of a stamp.
 */
export function fillWords(data: Int32Array, at: number, words: number, first: number, stamp: number): void {
  for (let word = 0; word < words; word++) data[at + word] = cookieAt(first + word, stamp);
}

/** Expects so many words to be as `fillWords` left them when their block began at word `first` of the data. */
export function checkWords(data: Int32Array, at: number, words: number, first: number, stamp: number): void {
  for (let word = 0; word < words; word++) {
    if (data[at + word] !== cookieAt(first + word, stamp)) {
      const owner = Math.floor(stamp / SERIALS);
      throw new Error(`Word ${word} of ${words} of the block at byte ${4 * at}, of worker ${owner}, was overwritten`);
    }
  }
}
