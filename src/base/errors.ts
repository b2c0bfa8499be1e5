/**
 * The causes of a {@linkcode MemPoolError}. Wrong arguments are not among them: they cause a `TypeError` or a
 * `RangeError`.
 *
 * - `double-free`: a block starts at this offset, but it is not allocated
 * - `foreign-block`: the argument is not memory of this pool, does not start at a block, or starts inside an allocated
 *   run
 * - `stale-reference`: in a checked pool, a reference is not one of an allocated record of this layout's length
 * - `destroyed`: the pool was destroyed
 * - `closed`: this pool object was closed
 * - `unknown-pool`: this process has no such pool, or this thread has no default pool
 * - `format-mismatch`: another version of the library made the pool, or `open` asked for other sizes or options than the
 *   pool has
 * - `map-failed`: the system refused the memory
 * - `too-many-workers`: all 128 worker slots of the pool are taken
 * - `lock-timeout`: the lock was not released within `lockTimeout`
 * - `corrupt`: the bookkeeping of the pool contradicts itself
 * - `unsupported`: the runtime, the system or the options of the pool do not allow the call
 * - `library`: the native library could not be found, built or loaded
 *
 * @example Tell codes apart
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool, type MemPoolErrorCode } from "mempool";
 *
 * const misuses: MemPoolErrorCode[] = ["double-free", "foreign-block"];
 * using pool = MemPool.init(1024, 64);
 * try {
 *   pool.free(new ArrayBuffer(64));
 * } catch (error) {
 *   assertEquals(misuses.indexOf((error as { code: MemPoolErrorCode }).code), 1);
 * }
 * ```
 */
export type MemPoolErrorCode =
  | "double-free"
  | "foreign-block"
  | "stale-reference"
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
 * The error of a call that a pool refuses. The message names the action, the cause and the value. Programs should
 * compare the `code`, which does not change when a message is reworded.
 *
 * @example Recognize a double free
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
  /** Always `"MemPoolError"`. */
  override readonly name = "MemPoolError";
  /** The cause of the error. */
  readonly code: MemPoolErrorCode;

  /** Creates an error. Only the library needs this constructor. */
  constructor(code: MemPoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
