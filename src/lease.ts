import { MemPoolError } from "./base/errors.ts";

/**
 * A block that is freed at the end of a scope, however the scope ends: the result of {@linkcode MemPool.lease}, for
 * `using`.
 *
 * The first disposal frees what is in `buffer` at that moment. Further disposals do nothing.
 *
 * - If the pool is destroyed, or the pool object that made the lease is closed, disposal does nothing. A block of a
 *   closed pool object stays allocated, like every block that a worker leaves behind.
 * - If the buffer is no longer the lease's, disposal throws as `free` does: "double-free" if the block was freed, and
 *   "foreign-block" if the buffer was posted to another worker. So do not lease a block that other code is to free.
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
  /**
   * The leased block. After `realloc`, store the new buffer here; otherwise disposal frees a buffer that is not yours.
   */
  buffer: ArrayBuffer;
  /** Frees the block, the first time only. */
  [Symbol.dispose](): void;
}

/** The part of a pool that a lease needs. */
interface Lessor {
  free(block: ArrayBuffer): void;
}

/** The lease of a block. It is made before the block is allocated. */
export class BlockLease implements Lease {
  declare buffer: ArrayBuffer;
  #pool: Lessor | undefined;

  /** The pool then allocates the block and stores its buffer. */
  constructor(pool: Lessor) {
    this.#pool = pool;
  }

  [Symbol.dispose](): void {
    const pool = this.#pool;
    this.#pool = undefined;
    try {
      pool?.free(this.buffer);
    } catch (error) {
      if (!hasEnded(error)) throw error;
    }
  }
}

/** Whether the error says that the pool is destroyed or that the pool object is closed. */
function hasEnded(error: unknown): boolean {
  return error instanceof MemPoolError && (error.code === "destroyed" || error.code === "closed");
}
