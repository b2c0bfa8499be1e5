/**
 * Bytes in a kilobyte, as memory is counted.
 * @example Four kilobytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { KILOBYTE } from "mempool";
 *
 * assertEquals(4 * KILOBYTE, 4096);
 * ```
 */
export const KILOBYTE = 1024;
/**
 * Bytes in a megabyte, as memory is counted: 1024 kilobytes.
 * @example A pool of one megabyte
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MEGABYTE, MemPool } from "mempool";
 *
 * using pool = MemPool.init(MEGABYTE, 256);
 * assertEquals(pool.size, 1_048_576);
 * ```
 */
export const MEGABYTE = 1_048_576;
/**
 * Bytes in a gigabyte, as memory is counted: 1024 megabytes.
 * @example Address space costs nothing before it is used
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { GIGABYTE, MemPool } from "mempool";
 *
 * using pool = MemPool.init(GIGABYTE, 4096);
 * assertEquals(pool.blockCount, 262_144);
 * ```
 */
export const GIGABYTE = 1_073_741_824;
