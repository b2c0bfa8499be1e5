import { MemPoolError } from "./base/errors.ts";
import type { MemPoolHandle, MemPoolOptions } from "./options.ts";
import { type Block, MemPool } from "./pool.ts";

/** This thread's pool for those who want only one, as the C original's users have. */
let defaultPool: MemPool | undefined;

/**
 * Makes a pool this thread's default, for the functions of this module. An earlier default lives on through its own
 * object. Each worker has a default of its own.
 *
 * @param size Bytes that blocks may occupy, up to 2^47.
 * @param defaultBlockSize Bytes of a block, less than `size`.
 * @param options See {@linkcode MemPoolOptions}.
 * @returns The pool, for what the functions do not offer.
 * @throws As {@linkcode MemPool.init}.
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
 * Makes an attached pool this thread's default.
 *
 * @param handle The `handle` of a pool, as it arrived by `postMessage`.
 * @returns The pool object; its `close` leaves the pool, and the default is then a closed one.
 * @throws As {@linkcode MemPool.attach}.
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
 * Ends the default pool, in every worker; does nothing when there is none. Afterwards the functions throw "destroyed"
 * until `init` or `attach` makes another pool the default. See {@linkcode MemPool.destroy}.
 *
 * @example Only the first call does something
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
 * Allocates from the default pool. Contents are unspecified.
 *
 * @param numBytes A whole number from 1 up.
 * @returns A buffer of exactly `numBytes`, or `null` when no run of free blocks fits.
 * @throws {MemPoolError} "unknown-pool": there is no default pool; else as {@linkcode MemPool.alloc}.
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
 * Allocates zeroed memory from the default pool.
 *
 * @param numMembers A whole number from 1 up.
 * @param size Bytes of each, a whole number from 1 up.
 * @returns A buffer of `numMembers * size` bytes, or `null` when no run of free blocks fits.
 * @throws {MemPoolError} "unknown-pool": there is no default pool; else as {@linkcode MemPool.calloc}.
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
 * Changes the length of a block of the default pool, up or down.
 *
 * @param block A block of the pool. It is no longer the caller's once a buffer is returned.
 * @param numBytes A whole number from 1 up.
 * @returns The buffer to use from now on, or `null` when there is no room: then `block` is untouched and valid.
 * @throws {MemPoolError} "unknown-pool": there is no default pool; else as {@linkcode MemPool.realloc}.
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
 * Gives a block back to the default pool.
 *
 * @param block What `alloc` returned, here or in another worker, or a view on it.
 * @throws {MemPoolError} "unknown-pool": there is no default pool; else as {@linkcode MemPool.free}.
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
