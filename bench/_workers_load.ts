/** The loads of the workers of bench/workers.ts, and how these start and stop. */

import type { MemPool } from "../mod.ts";

/** `records`, `scattered` and `numbers` use no pool: they show the cost of the machine and of the ring. */
export type Load = "mixed" | "singles" | "bursts" | "exchange" | "records" | "scattered" | "numbers";

export interface Job {
  readonly load: Load;
  /** Whether to use the shared pool or the worker's own. */
  readonly shared: boolean;
  /** For loads that hand over: the ring for what is allocated, and the ring with what to free. */
  readonly send?: Int32Array;
  readonly receive?: Int32Array;
  /** For `records` and `scattered`: the records that stand for blocks. */
  readonly records?: Records;
  readonly control: Int32Array;
  readonly seed: number;
}

export interface Done {
  readonly operations: number;
  readonly milliseconds: number;
}

// The words of `control`.

/** The number of workers that wait for the start. */
export const READY = 0;
export const GO = 1;
export const STOP = 2;
export const CONTROL_WORDS = 3;

// The words of a ring. Words that different workers write are far apart.

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

/** Replaces a random one of 1,000 allocations by a block or, if `runs`, in one case of ten by a run of 2 to 8. */
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

/** Frees a random half of 1,000 blocks, then allocates as many again. */
export function replaceInBursts(pool: MemPool, { control, seed: start }: Job): Done {
  const places = Array.from({ length: PLACES }, () => pool.allocOffset(BYTES));
  let seed = start;
  const burst = (): number => {
    let freed = 0;
    for (let at = 0; at < PLACES; at++) {
      seed = Math.imul(seed, 1664525) + 1013904223 | 0;
      if (seed >= 0) continue;
      pool.freeOffset(places[at]!);
      places[at] = -1;
      freed++;
    }
    for (let at = 0; at < PLACES; at++) {
      if (places[at] === -1) places[at] = pool.allocOffset(BYTES);
    }
    return freed;
  };
  for (let times = 0; times < 8; times++) burst();
  const done = untilStopped(control, burst);
  for (const offset of places) pool.freeOffset(offset);
  return done;
}

/** How often a worker looks for work in vain before it sleeps. */
const PATIENCE = 1000;

/** The two sides of handing over: makes a number to put into a ring, and releases one that came out of it. */
interface Hands {
  readonly allocate: () => number;
  readonly release: (given: number) => void;
}

export function handsOf(pool: MemPool): Hands {
  return { allocate: () => pool.allocOffset(BYTES), release: (offset) => pool.freeOffset(offset) };
}

/** Does nothing, so that only the ring costs time. */
export const IDLE_HANDS: Hands = { allocate: () => 0, release: () => {} };

/** Records of four words that stand for descriptors, and their places in order of use. */
export interface Records {
  readonly words: Int32Array;
  readonly places: Int32Array;
}

/**
 * The least that finds every double free: the worker that allocates writes into the block's descriptor of 16 bytes, and
 * the worker that frees exchanges a word there. It never has to find a free block, because it uses the records in turn.
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

/** More than a ring holds, so that no record is used again before it was released. */
const RECORDS = 2 * CAPACITY;

/** Four records in a cache line, used in order, as in a new pool. Processors prefetch them. */
export function newRecords(): Records {
  return { words: sharedWords(4 * RECORDS), places: Int32Array.from({ length: RECORDS }, (_, place) => 4 * place) };
}

/** Each record in a cache line of its own, used in random order, as in a large pool that has been in use for long. */
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

/** Allocates into `send`, and releases what comes out of `receive`. Counts the releases. */
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

/** Waits for the start, works until the stop, and returns the number of operations and the time. */
export function untilStopped(control: Int32Array, work: () => number): Done {
  Atomics.add(control, READY, 1);
  Atomics.wait(control, GO, 0);
  const began = performance.now();
  let operations = 0;
  while (Atomics.load(control, STOP) === 0) operations += work();
  return { operations, milliseconds: performance.now() - began };
}
