import { MemPoolError } from "./errors.ts";
import type { MemPoolHandle, MemPoolOptions } from "./options.ts";
import { type Block, MemPool } from "./pool.ts";

/** This thread's pool for those who want only one, as the C original's users have. */
let defaultPool: MemPool | undefined;

/**
 * Makes a pool this thread's default, for the functions of this module. An earlier default lives on through its own
 * object. See {@linkcode MemPool.init}.
 */
export function init(size: number, defaultBlockSize: number, options?: MemPoolOptions): MemPool {
  return defaultPool = MemPool.init(size, defaultBlockSize, options);
}

/** Makes an attached pool this thread's default. See {@linkcode MemPool.attach}. */
export function attach(handle: MemPoolHandle): MemPool {
  return defaultPool = MemPool.attach(handle);
}

/** Ends the default pool, in every worker; does nothing when there is none. See {@linkcode MemPool.destroy}. */
export function destroy(): void {
  defaultPool?.destroy();
}

/** Allocates from the default pool. See {@linkcode MemPool.alloc}. */
export function alloc(numBytes: number): ArrayBuffer | null {
  return poolFor("allocate").alloc(numBytes);
}

/** Allocates zeroed memory from the default pool. See {@linkcode MemPool.calloc}. */
export function calloc(numMembers: number, size: number): ArrayBuffer | null {
  return poolFor("allocate").calloc(numMembers, size);
}

/** Changes the length of a block of the default pool. See {@linkcode MemPool.realloc}. */
export function realloc(block: Block, numBytes: number): ArrayBuffer | null {
  return poolFor("reallocate").realloc(block, numBytes);
}

/** Gives a block back to the default pool. See {@linkcode MemPool.free}. */
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
