import { recordBytes, UNIT } from "./stores/records.ts";

export const SMALLEST_POOL = 2 ** 20;
/** Room for some 50 million states of a 4×4 puzzle. Address space only, yet a collector that counts it grows lax. */
export const DEFAULT_POOL = "2GiB";
/** What the default puzzle fills to a good part: of a larger one, a map would show little but free blocks. */
export const inspectedPool = (workers: number): string => workers === 1 ? "64MiB" : "128MiB";

const GIB = 2 ** 30;
/** The most blocks that a pool can have. */
const MOST_BLOCKS = 264_241_152;

/**
 * The largest pool for puzzles of so many cells, in whole GiB. The pool is used through one ArrayBuffer, which on Bun
 * ends at 4 GiB; on Deno the references between the states, or the number of blocks, set the limit.
 */
export function largestPool(cells: number): number {
  if (!("Deno" in globalThis)) return 4 * GIB;
  const blockSize = Math.ceil(recordBytes(cells) / UNIT) * UNIT;
  return Math.min(32, Math.floor(MOST_BLOCKS * blockSize / GIB)) * GIB;
}
