import { MemPoolError } from "./base/errors.ts";

/**
 * A block that is freed where its scope ends, however it ends: what {@linkcode MemPool.lease} returns, for `using`.
 *
 * Disposal frees what `buffer` is then, the first time only. It does nothing once the pool is destroyed, or the pool object
 * that made the lease is closed: then the block stays allocated, as all blocks do that a worker leaves behind. For what the
 * lease has no longer, it throws as `free` does: "double-free" where somebody has freed the block, "foreign-block" where
 * the buffer was posted away, since its receiver frees it. So do not lease what others are to free.
 *
 * @example A block that grows
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type Lease, MemPool } from "mempool";
 *
 * using pool = MemPool.init(1024, 64);
 * {
 *   using lease: Lease = pool.lease(50)!;
 *   lease.buffer = pool.realloc(lease.buffer, 500)!;
 *   assertEquals(lease.buffer.byteLength, 500);
 * }
 * assertEquals(pool.stats().allocatedBlocks, 0);
 * ```
 */
export interface Lease extends Disposable {
  /** The leased block. Put here what `realloc` returns for it, or disposal frees a buffer that is no longer yours. */
  buffer: ArrayBuffer;
  /** Frees the block, once. */
  [Symbol.dispose](): void;
}

/** A pool, as far as a lease needs one. */
interface Lessor {
  free(block: ArrayBuffer): void;
}

/** The lease of a block that was just allocated. */
export class BlockLease implements Lease {
  buffer: ArrayBuffer;
  #pool: Lessor | undefined;

  constructor(pool: Lessor, buffer: ArrayBuffer) {
    this.#pool = pool;
    this.buffer = buffer;
  }

  [Symbol.dispose](): void {
    const pool = this.#pool;
    this.#pool = undefined;
    try {
      pool?.free(this.buffer);
    } catch (error) {
      if (!isOver(error)) throw error;
    }
  }
}

/** Whether there is nothing left to free: of a pool that is destroyed, or that this worker has left. */
function isOver(error: unknown): boolean {
  return error instanceof MemPoolError && (error.code === "destroyed" || error.code === "closed");
}
