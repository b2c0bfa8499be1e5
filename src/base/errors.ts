/**
 * What can go wrong besides bad arguments, which are `TypeError` and `RangeError`.
 *
 * - `double-free`: the block at this offset is not allocated
 * - `foreign-block`: not a block of this pool, or not the start of one
 * - `destroyed`: somebody destroyed the pool
 * - `closed`: this worker left the pool through this object
 * - `unknown-pool`: no such pool in this process, or this thread has no default pool
 * - `format-mismatch`: the pool was made by another version
 * - `map-failed`: the system refused the memory
 * - `too-many-workers`: all 128 worker slots of the pool are taken
 * - `lock-timeout`: the lock was not free in time
 * - `corrupt`: the pool's own data contradict themselves
 * - `unsupported`: this runtime or this version cannot do it
 * - `library`: the native library could not be found, built or loaded
 *
 * @example What a code is for
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool, type MemPoolErrorCode } from "mempool";
 *
 * const mine: MemPoolErrorCode[] = ["double-free", "foreign-block"];
 * using pool = MemPool.init(1024, 64);
 * try {
 *   pool.free(new ArrayBuffer(64));
 * } catch (error) {
 *   assertEquals(mine.indexOf((error as { code: MemPoolErrorCode }).code), 1);
 * }
 * ```
 */
export type MemPoolErrorCode =
  | "double-free"
  | "foreign-block"
  | "destroyed"
  | "closed"
  | "unknown-pool"
  | "format-mismatch"
  | "map-failed"
  | "too-many-workers"
  | "lock-timeout"
  | "corrupt"
  | "unsupported"
  | "library";

/**
 * An error of a pool. Its message says the action, the cause and the value; its `code` is for programs.
 *
 * @example Tell a double free from other errors
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MEGABYTE, MemPool, MemPoolError } from "mempool";
 *
 * using pool = MemPool.init(MEGABYTE, 256);
 * const block = pool.alloc(200)!;
 * pool.free(block);
 * try {
 *   pool.free(block);
 * } catch (error) {
 *   assertEquals(error instanceof MemPoolError && error.code, "double-free");
 * }
 * ```
 */
export class MemPoolError extends Error {
  /** The same for every error of a pool. */
  override readonly name = "MemPoolError";
  /** Which of the errors it is. */
  readonly code: MemPoolErrorCode;

  /** Made by the library; a program only reads it. */
  constructor(code: MemPoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
