import { ringBytes } from "./rings.ts";

/** Entries that a ring has room for: what one worker makes for another while that one is not running for a while. */
const LARGEST_RING = 8192;
const SMALLEST_RING = 16;
/** All rings together take no more than this, and of a small pool no more than one part in so many. */
const MOST_RING_BYTES = 2 ** 23;
const RINGS_SHARE = 16;
/**
 * Blocks that each worker of the pool may keep at hand, many more than by default: workers that fetch many at a time
 * seldom meet at the lock, and seldom have states side by side in one cache line.
 */
const CACHED_BLOCKS = 1024;
const CACHED_SHARE = 64;
/** Bits that number the slots of all workers' tables at first, as many as in a sequential search. */
const TABLE_BITS = 16;

/** A power of two. */
export function ringCapacity(workers: number, memory: number): number {
  const limit = Math.min(MOST_RING_BYTES, memory / RINGS_SHARE);
  let capacity = LARGEST_RING;
  while (capacity > SMALLEST_RING && ringBytes(workers, capacity) > limit) capacity /= 2;
  return capacity;
}

export function cachedBlocks(memory: number, blockSize: number): number {
  return Math.min(CACHED_BLOCKS, Math.floor(memory / blockSize / CACHED_SHARE));
}

export function firstTableBits(workers: number): number {
  return TABLE_BITS - Math.ceil(Math.log2(workers));
}
