import { recordBytes } from "./stores/records.ts";

export const SMALLEST_POOL = 2 ** 20;
/**
 * Holds some 50 million states of a 4×4 puzzle. Only address space, but a larger one makes garbage collection rarer.
 */
export const DEFAULT_POOL = "2GiB";
/** The default puzzle fills much of a pool of this size. The map of a larger pool would show little but free blocks. */
export const inspectedPool = (workers: number): string => workers === 1 ? "64MiB" : "128MiB";

const GIB = 2 ** 30;
/** The largest number of blocks that a pool can have. */
const MOST_BLOCKS = 264_241_152;

/**
 * The largest pool for puzzles with this number of cells, in whole GiB. Records need a pool that fits into one
 * ArrayBuffer, which holds at most 4 GiB on Bun. Elsewhere the number of blocks sets the limit.
 */
export function largestPool(cells: number): number {
  if ("Bun" in globalThis) return 4 * GIB;
  const blockSize = Math.ceil(recordBytes(cells) / 16) * 16; // as the pool rounds it up
  return Math.floor(MOST_BLOCKS * blockSize / GIB) * GIB;
}
