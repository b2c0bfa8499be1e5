import { MemPoolError } from "./base/errors.ts";
import type { MemPoolHandle, MemPoolOptions } from "./options.ts";
import { type Block, MemPool } from "./pool.ts";

/** The pool of the functions in this module. Each thread has one, as a program that uses the C original has. */
let defaultPool: MemPool | undefined;

/**
 * Makes a pool, and makes it the default pool of this thread, which the functions of this module use. An earlier
 * default pool lives on through its own object.
 *
 * @param size Bytes that blocks may occupy, up to 2^47.
 * @param defaultBlockSize Bytes of a block, less than `size`.
 * @param options See {@linkcode MemPoolOptions}.
 * @returns The pool, for everything that the functions do not offer.
 * @throws The errors of {@linkcode MemPool.init}.
 *
 * @example As the C original is used
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as mempool from "mempool";
 *
 * mempool.init(1024, 64);
 * const block = mempool.alloc(50)!;
 * assertEquals(block.byteLength, 50);
 * mempool.free(block);
 * mempool.destroy();
 * ```
 */
export function init(size: number, defaultBlockSize: number, options?: MemPoolOptions): MemPool {
  return defaultPool = MemPool.init(size, defaultBlockSize, options);
}

/**
 * Joins a pool, and makes it the default pool of this thread, which the functions of this module use.
 *
 * @param handle The `handle` of the pool, as it arrived by `postMessage`.
 * @returns The pool object. Its `close` leaves the pool; after that, the functions throw "closed".
 * @throws The errors of {@linkcode MemPool.attach}.
 *
 * @example In the worker that was sent the handle
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as mempool from "mempool";
 *
 * using pool = mempool.MemPool.init(1024, 64);
 * using joined = mempool.attach(pool.handle);
 * mempool.alloc(50);
 * assertEquals(joined.stats().allocatedBlocks, 1);
 * ```
 */
export function attach(handle: MemPoolHandle): MemPool {
  return defaultPool = MemPool.attach(handle);
}

/**
 * Destroys the default pool in every worker. Does nothing if there is none. The other functions throw "destroyed" from
 * then on, until `init` or `attach` sets another default pool. See {@linkcode MemPool.destroy}.
 *
 * @example A second call does nothing
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as mempool from "mempool";
 *
 * const pool = mempool.init(1024, 64);
 * mempool.destroy();
 * mempool.destroy();
 * assertEquals(pool.destroyed, true);
 * ```
 */
export function destroy(): void {
  defaultPool?.destroy();
}

/**
 * Allocates from the default pool: see {@linkcode MemPool.alloc}. The contents are unspecified.
 *
 * @param numBytes A whole number from 1 up.
 * @returns A buffer of exactly `numBytes`, or `null` when no run of free blocks fits.
 * @throws {MemPoolError} "unknown-pool": this thread has no default pool.
 *
 * @example Until the pool is exhausted
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as mempool from "mempool";
 *
 * mempool.init(1024, 64);
 * assertEquals(mempool.alloc(1024)?.byteLength, 1024);
 * assertEquals(mempool.alloc(1), null);
 * mempool.destroy();
 * ```
 */
export function alloc(numBytes: number): ArrayBuffer | null {
  return poolFor("allocate").alloc(numBytes);
}

/**
 * Allocates zeroed memory from the default pool: see {@linkcode MemPool.calloc}.
 *
 * @param numMembers A whole number from 1 up.
 * @param size Bytes of a member: a whole number from 1 up.
 * @returns A buffer of `numMembers * size` bytes, or `null` when no run of free blocks fits.
 * @throws {MemPoolError} "unknown-pool": this thread has no default pool.
 *
 * @example Three integers, all 0
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as mempool from "mempool";
 *
 * mempool.init(1024, 64);
 * assertEquals([...new Int32Array(mempool.calloc(3, 4)!)], [0, 0, 0]);
 * mempool.destroy();
 * ```
 */
export function calloc(numMembers: number, size: number): ArrayBuffer | null {
  return poolFor("allocate").calloc(numMembers, size);
}

/**
 * Changes the length of a block of the default pool, up or down: see {@linkcode MemPool.realloc}.
 *
 * @param block A block of the pool. Once a buffer is returned, it must not be used any more.
 * @param numBytes The new length: a whole number from 1 up.
 * @returns The buffer to use from now on, or `null` when there is no room. Then `block` is unchanged and still valid.
 * @throws {MemPoolError} "unknown-pool": this thread has no default pool.
 *
 * @example Longer, then shorter
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as mempool from "mempool";
 *
 * mempool.init(1024, 64);
 * const longer = mempool.realloc(mempool.alloc(50)!, 500)!;
 * assertEquals(mempool.realloc(longer, 20)?.byteLength, 20);
 * mempool.destroy();
 * ```
 */
export function realloc(block: Block, numBytes: number): ArrayBuffer | null {
  return poolFor("reallocate").realloc(block, numBytes);
}

/**
 * Gives a block back to the default pool: see {@linkcode MemPool.free}.
 *
 * @param block A buffer that `alloc` has returned, in this worker or in another one, or a view on it.
 * @throws {MemPoolError} "unknown-pool": this thread has no default pool.
 *
 * @example Through a view
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as mempool from "mempool";
 *
 * const pool = mempool.init(1024, 64);
 * const bytes = new Uint8Array(mempool.alloc(50)!);
 * mempool.free(bytes);
 * assertEquals(pool.stats().allocatedBlocks, 0);
 * mempool.destroy();
 * ```
 */
export function free(block: Block): void {
  poolFor("free").free(block);
}

function poolFor(action: string): MemPool {
  if (defaultPool !== undefined) return defaultPool;
  throw new MemPoolError(
    "unknown-pool",
    `Cannot ${action}: this thread has no default pool, call init or attach first`,
  );
}
