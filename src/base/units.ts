/**
 * Number of bytes in a kilobyte: 1024.
 *
 * @example Write a size in kilobytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { KILOBYTE } from "mempool";
 *
 * assertEquals(4 * KILOBYTE, 4096);
 * ```
 */
export const KILOBYTE = 1024;

/**
 * Number of bytes in a megabyte: 1024 kilobytes.
 *
 * @example Make a pool of one megabyte
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
 * Number of bytes in a gigabyte: 1024 megabytes.
 *
 * @example Make a pool of one gigabyte, which uses memory only as blocks are used
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { GIGABYTE, MemPool } from "mempool";
 *
 * using pool = MemPool.init(GIGABYTE, 4096);
 * assertEquals(pool.blockCount, 262_144);
 * ```
 */
export const GIGABYTE = 1_073_741_824;
