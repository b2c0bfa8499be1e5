import { ringEntries } from "./rings.ts";

/** The entries of a ring: as many as one worker may send while the receiver is not scheduled. */
const LARGEST_RING = 8192;
const SMALLEST_RING = 16;
/** The limits for all rings together: a number of bytes, and for small pools one part in this many of the pool. */
const MOST_RING_BYTES = 2 ** 23;
const RINGS_SHARE = 16;
/**
 * The blocks that each worker may cache, many more than the default. Workers that refill by large numbers rarely meet
 * at the lock, and rarely have states in the same cache line.
 */
const CACHED_BLOCKS = 1024;
const CACHED_SHARE = 64;
/** The bits that number the slots of all workers' tables at first: the same as in a sequential search. */
const TABLE_BITS = 16;

/** A power of two. */
export function ringCapacity(workers: number, memory: number): number {
  const limit = Math.min(MOST_RING_BYTES, memory / RINGS_SHARE);
  let capacity = LARGEST_RING;
  while (capacity > SMALLEST_RING && 4 * ringEntries(workers, capacity) > limit) capacity /= 2;
  return capacity;
}

export function cachedBlocks(memory: number, blockSize: number): number {
  return Math.min(CACHED_BLOCKS, Math.floor(memory / blockSize / CACHED_SHARE));
}

export function firstTableBits(workers: number): number {
  return TABLE_BITS - Math.ceil(Math.log2(workers));
}
