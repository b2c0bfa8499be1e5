/** What the workers of bench/workers.ts do, and how they are told when. */

import type { MemPool } from "../mod.ts";

/** `records`, `scattered` and `numbers` do without a pool: what the machine and the ring cost. */
export type Load = "mixed" | "singles" | "exchange" | "records" | "scattered" | "numbers";

export interface Job {
  readonly load: Load;
  /** Whether to use the pool of all or the worker's own. */
  readonly shared: boolean;
  /** For the loads that hand over: where to put what is allocated, and where to get what to free. */
  readonly send?: Int32Array;
  readonly receive?: Int32Array;
  /** Of `records` and `scattered`: where each lies that may be on its way. */
  readonly records?: Records;
  readonly control: Int32Array;
  readonly seed: number;
}

export interface Done {
  readonly operations: number;
  readonly milliseconds: number;
}

// The words of `control`.

/** How many workers wait for the start. */
export const READY = 0;
export const GO = 1;
export const STOP = 2;
export const CONTROL_WORDS = 3;

// The words of a ring, those that different workers write far apart.

const HEAD = 0;
const TAIL = 32;
const CLOSED = 64;
const SLOTS = 96;
const CAPACITY = 4096;
const BATCH = 32;

export function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

export function newRing(): Int32Array {
  return sharedWords(SLOTS + CAPACITY);
}

const BYTES = 200;
const PLACES = 1000;

/** Replaces one of 1,000 at random; nine times of ten a block, else, if `runs`, a run of 2 to 8. */
export function replaceAtRandom(pool: MemPool, runs: boolean, { control, seed: start }: Job): Done {
  const places: number[] = new Array(PLACES).fill(-1);
  let seed = start;
  const replace = (): void => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    const at = Math.trunc((seed >>> 0) * (PLACES / 2 ** 32));
    const choice = seed >>> 4 & 0xff;
    const blocks = runs && choice < 26 ? 2 + choice % 7 : 1;
    if (places[at] !== -1) pool.freeOffset(places[at]!);
    places[at] = pool.allocOffset((blocks - 1) * pool.blockSize + BYTES);
  };
  for (let i = 0; i < 4 * PLACES; i++) replace();
  const done = untilStopped(control, () => {
    for (let i = 0; i < 100; i++) replace();
    return 100;
  });
  for (const offset of places) if (offset !== -1) pool.freeOffset(offset);
  return done;
}

/** How often a worker looks for work in vain before it lets others have the processor. */
const PATIENCE = 1000;

/** How an allocator hands over: what is put into a ring, and what is done with what comes out of one. */
interface Hands {
  readonly allocate: () => number;
  readonly release: (given: number) => void;
}

export function handsOf(pool: MemPool): Hands {
  return { allocate: () => pool.allocOffset(BYTES), release: (offset) => pool.freeOffset(offset) };
}

/** Nothing at all: the ring alone. */
export const IDLE_HANDS: Hands = { allocate: () => 0, release: () => {} };

/** What stands for descriptors: four words each, and their places in the order in which they are used. */
export interface Records {
  readonly words: Int32Array;
  readonly places: Int32Array;
}

/**
 * The least that an allocator can do which tells a double free exactly: who allocates writes into the block's descriptor
 * of 16 bytes, and who frees exchanges a word there. It never looks for a block: they come round in a circle.
 */
export function recordHands({ words, places }: Records): Hands {
  let next = 0;
  return {
    allocate: () => {
      const word = places[next]!;
      next = (next + 1) % places.length;
      words[word + 2] = BYTES;
      words[word] = 1;
      return word;
    },
    release: (word) => {
      if (Atomics.compareExchange(words, word, 1, 0) !== 1) throw new Error(`Record ${word} is not allocated`);
    },
  };
}

/** More than a ring holds: none is used again before it came out there. */
const RECORDS = 2 * CAPACITY;

/** Four to a cache line and in order, which processors foresee, as the blocks of a new pool. */
export function newRecords(): Records {
  return { words: sharedWords(4 * RECORDS), places: Int32Array.from({ length: RECORDS }, (_, place) => 4 * place) };
}

/** In no order, and each in a line of its own, as the few blocks under way mostly are in a large pool that was used for long. */
export function newScatteredRecords(): Records {
  const places = Int32Array.from({ length: RECORDS }, (_, place) => 16 * place);
  let seed = 1;
  for (let end = RECORDS; end > 1; end--) {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    const at = Math.trunc((seed >>> 0) * (end / 2 ** 32));
    [places[at], places[end - 1]] = [places[end - 1]!, places[at]!];
  }
  return { words: sharedWords(16 * RECORDS), places };
}

/** Puts what was allocated into `send`, releases what comes out of `receive`; counts what it released. */
export function handOver({ allocate, release }: Hands, { control, send, receive }: Job): Done {
  let idle = 0;
  const done = untilStopped(control, () => {
    const sent = send === undefined ? 0 : push(send, allocate);
    const received = receive === undefined ? 0 : pull(receive, release);
    idle = sent + received > 0 ? 0 : idle + 1;
    if (idle > PATIENCE) Atomics.wait(control, STOP, 0, 0.05);
    return received;
  });
  if (send !== undefined) Atomics.store(send, CLOSED, 1);
  while (receive !== undefined && (Atomics.load(receive, CLOSED) === 0 || pull(receive, release) > 0));
  return done;
}

function push(ring: Int32Array, allocate: () => number): number {
  const tail = ring[TAIL]!;
  const room = CAPACITY - (tail - Atomics.load(ring, HEAD));
  const count = Math.min(room, BATCH);
  for (let i = 0; i < count; i++) ring[SLOTS + (tail + i) % CAPACITY] = allocate();
  if (count > 0) Atomics.store(ring, TAIL, tail + count);
  return count;
}

function pull(ring: Int32Array, release: (offset: number) => void): number {
  const head = ring[HEAD]!;
  const count = Math.min(Atomics.load(ring, TAIL) - head, BATCH);
  for (let i = 0; i < count; i++) release(ring[SLOTS + (head + i) % CAPACITY]!);
  if (count > 0) Atomics.store(ring, HEAD, head + count);
  return count;
}

/** Waits for the start, works until told to stop, and says how much was done in what time. */
export function untilStopped(control: Int32Array, work: () => number): Done {
  Atomics.add(control, READY, 1);
  Atomics.wait(control, GO, 0);
  const began = performance.now();
  let operations = 0;
  while (Atomics.load(control, STOP) === 0) operations += work();
  return { operations, milliseconds: performance.now() - began };
}
