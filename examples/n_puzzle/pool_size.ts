import { recordBytes, UNIT } from "./stores/records.ts";

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
 * The largest pool for puzzles with this number of cells, in whole GiB. The search uses the pool through one
 * ArrayBuffer, which holds at most 4 GiB on Bun. Elsewhere the limit is set by the range of references or by the number
 * of blocks.
 */
export function largestPool(cells: number): number {
  if ("Bun" in globalThis) return 4 * GIB;
  const blockSize = Math.ceil(recordBytes(cells) / UNIT) * UNIT;
  return Math.min(32, Math.floor(MOST_BLOCKS * blockSize / GIB)) * GIB;
}
