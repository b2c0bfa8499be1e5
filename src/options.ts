import { checkCount, checkFromZero, describe } from "./base/arguments.ts";
import { type CallersSignal, connectSignal } from "./base/signals.ts";
import type { RegionSettings } from "./region/region.ts";
import { MAX_BLOCKS, MAX_BYTES, MAX_CACHED_BLOCKS, MAX_CHECKED_BLOCKS, metaBytes } from "./region/layout.ts";
import { NAME_LIMIT } from "./runtime/native.ts";

/**
 * The options of {@linkcode MemPool.init} and {@linkcode MemPool.open}. An option that is left out or `undefined` has its default.
 *
 * @example Every block on a cache line of its own
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool } from "mempool";
 *
 * using pool = MemPool.init(8192, 100, { alignment: 64, lockTimeout: 1000 });
 * assertEquals(pool.blockSize, 128);
 * ```
 */
export interface MemPoolOptions {
  /**
   * What `free`, `freeOffset` and `freeMany` do when an argument is not an allocated block of the pool. Other
   * operations throw in either case.
   *
   * - `"throw"`: they throw "double-free" or "foreign-block".
   * - `"warn"`: they print a line with `console.warn` and return, as the C original does.
   *
   * @default {"throw"}
   */
  readonly onMisuse?: "throw" | "warn";
  /**
   * The bytes that the pool may grow to, from `size` to 2^47. An exhausted pool grows by itself: it doubles, or grows
   * further if a request needs more. Offsets, buffers and views stay valid. The room to grow is address space only,
   * until blocks in it are used.
   *
   * @default {size}
   */
  readonly maxSize?: number;
  /**
   * Every block starts at a multiple of this number of bytes: a power of two from 16 to 4096.
   *
   * @default {16}
   */
  readonly alignment?: number;
  /**
   * How many free blocks each worker may cache, from 0 to 65,536; a larger number counts as 65,536. 0 turns the worker
   * caches off, and blocks are joined with their neighbours as soon as they are freed. The default is 8,192 blocks or
   * 4 MiB, whichever is less, or a 32nd of a pool of fewer than 1,024 blocks. A cache becomes that large only in a worker
   * that works in bursts.
   */
  readonly cachedBlocks?: number;
  /**
   * How many ArrayBuffer objects each worker keeps for reuse, from 0 to 2^31 - 1. The number is rounded down to a power
   * of two. The limit prevents a pool of many blocks from filling the JavaScript heap. Whatever the number is, the buffers
   * that are kept over free blocks cover at most 32 MiB together, or as much as those over allocated blocks, because Bun
   * counts the length of every ArrayBuffer as heap in use. `trim`, `close` and `destroy` let go of them.
   *
   * @default {131072}
   */
  readonly cachedBuffers?: number;
  /**
   * How many milliseconds a call waits for the lock before it throws "lock-timeout", from 0 to 2^31 - 1.
   *
   * @default {5000}
   */
  readonly lockTimeout?: number;
  /**
   * Finds misuse, for tests and debugging. In a checked pool:
   *
   * - A buffer and all its views are detached as soon as the buffer is freed or moved by `realloc`, or the pool is
   *   destroyed.
   * - Every double free of a buffer is found. The error shows the stacks of the allocation and of both frees.
   * - Freed blocks are zeroed.
   * - `leaks` lists the blocks that are still allocated, and where they were allocated.
   * - Every call checks the invariants that take constant time.
   *
   * The limits:
   *
   * - An offset is only a number. Freeing an offset twice is found until its block is allocated again.
   * - The worker that frees a block detaches its own buffers only. Buffers that other workers have over the block are
   *   refused as stale, but they can be read until their worker handles the block again.
   * - A buffer that another worker posted is tracked from the first call that it is passed to.
   * - On Bun, a buffer cannot be detached while the system still reads or writes its block. The pool keeps the block
   *   back until then. If the worker closes the pool earlier, the block stays allocated. Deno detaches the buffer
   *   nevertheless, so the system may still write to the block after it is handed out again.
   *
   * The cost: a call takes about ten microseconds on Bun and some tens on Deno, each block takes 16 bytes more, and
   * there are no worker caches.
   *
   * @default {false}
   */
  readonly checked?: boolean;
}

/**
 * The options of {@linkcode MemPool.allocAsync}.
 *
 * @example Wait with a time limit
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { type AllocAsyncOptions, MemPool } from "mempool";
 *
 * using pool = MemPool.init(1024, 64);
 * pool.alloc(1024);
 * const options: AllocAsyncOptions = { signal: AbortSignal.timeout(1) };
 * await assertRejects(() => pool.allocAsync(50, options), DOMException);
 * assertEquals(pool.alloc(50), null);
 * ```
 */
export interface AllocAsyncOptions {
  /**
   * Cancels the request when it is aborted. The promise then rejects with the reason of the signal. An object with the
   * members of an AbortSignal will do, such as the signal of a DOM emulator; what its getters throw, the promise
   * rejects with.
   */
  readonly signal?: AbortSignal;
}

/**
 * Plain data that identifies a pool in all workers of the process. Post it to a worker, and pass it to
 * {@linkcode MemPool.attach} there.
 *
 * @example It survives being copied
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool } from "mempool";
 *
 * using pool = MemPool.init(1024, 64);
 * using joined = MemPool.attach(structuredClone(pool.handle));
 * assertEquals(joined.size, 1024);
 * ```
 */
export interface MemPoolHandle {
  /** The format of the pool's region. Only code that reads this format can attach. */
  readonly format: number;
  /** Identifies the process that has the pool. */
  readonly process: number;
  /** Identifies the pool among all pools that the process has ever had. */
  readonly id: number;
}

/** The arguments of `init` or `open`, checked, with the defaults filled in. */
export interface Settings extends RegionSettings {
  /** The bytes of the region that are not data. */
  readonly metaBytes: number;
}

/**
 * By default a worker caches at most 8192 blocks or 4 MiB, whichever is less. A cache grows to that only in a worker
 * that works in bursts. From more blocks on, order of address pays more than a larger cache. In a small pool, a worker
 * caches a 32nd, because the other workers would have to recall what one caches.
 */
const DEFAULT_CACHED_BLOCKS = 8192;
const DEFAULT_CACHED_BYTES = 2 ** 22;
const SMALL_POOL = 1024;
const SMALL_POOL_SHARE = 32;

/** Enough for a hundred thousand live buffers, whose objects take about 40 MB of JavaScript heap. */
const DEFAULT_CACHED_BUFFERS = 2 ** 17;

const DEFAULT_LOCK_TIMEOUT = 5000;

const MAX_INT32 = 2 ** 31 - 1;
const MAX_ALIGNMENT = 4096;
const MIN_ALIGNMENT = 16;

/** Checks the arguments of `init` or `open` and fills in the defaults. */
export function settingsFrom(
  size: unknown,
  defaultBlockSize: unknown,
  options: unknown,
  action: "init pool" | "open pool" = "init pool",
): Settings {
  const bytes = positiveSize(action, "size", size);
  const block = positiveSize(action, "defaultBlockSize", defaultBlockSize);
  const given = optionsObject(action, options);
  const alignment = alignmentFrom(action, given.alignment);
  const blockSize = Math.ceil(block / alignment) * alignment;
  if (blockSize >= bytes) {
    throw new RangeError(
      `Cannot ${action}: defaultBlockSize must be smaller than size, got ${blockSize} (rounded up) and ${bytes}`,
    );
  }
  const checked = checkedFrom(action, given.checked);
  const blockCount = blockCountFrom(action, "size", bytes, blockSize, checked);
  const blockCapacity = blockCountFrom(
    action,
    "maxSize",
    maxSizeFrom(action, bytes, given.maxSize),
    blockSize,
    checked,
  );
  const cachedBlocks = cachedBlocksFrom(action, given.cachedBlocks, blockCapacity, blockSize);
  return {
    blockSize,
    blockCount,
    blockCapacity,
    metaBytes: metaBytes(blockCapacity, checked ? 0 : cachedBlocks, checked),
    warnOnMisuse: warnFrom(action, given.onMisuse),
    cachedBlocks: checked ? 0 : cachedBlocks,
    cachedBuffers: wholeNumber(action, "cachedBuffers", given.cachedBuffers, DEFAULT_CACHED_BUFFERS),
    lockTimeout: wholeNumber(action, "lockTimeout", given.lockTimeout, DEFAULT_LOCK_TIMEOUT),
    checked,
    alignment,
    named: action === "open pool",
  };
}

/** Checks the name of a pool. Returns its UTF-16 units. */
export function nameFrom(name: unknown): Uint16Array {
  if (typeof name !== "string") throw new TypeError(`Cannot open pool: name must be a string, got ${describe(name)}`);
  const { length } = name;
  if (length < 1 || length > NAME_LIMIT) {
    throw new RangeError(`Cannot open pool: name must have 1 to ${NAME_LIMIT} UTF-16 units, got ${length}`);
  }
  return Uint16Array.from({ length }, (_, place) => name.charCodeAt(place));
}

/** The signal in the options of `allocAsync`, checked. The caller has to release it. */
export function signalFrom(action: string, options: unknown): CallersSignal | undefined {
  const { signal } = optionsObject(action, options);
  return signal === undefined ? undefined : connectSignal(action, signal);
}

/** Checks that a value has the shape of a handle, but not whether the pool exists. */
export function checkHandle(given: unknown): MemPoolHandle {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`Cannot attach: handle must be the handle of a pool, got ${describe(given)}`);
  }
  const { format, process, id } = given as Partial<Record<keyof MemPoolHandle, unknown>>;
  if (typeof format !== "number" || typeof process !== "number" || typeof id !== "number") {
    throw new TypeError(`Cannot attach: handle must be the handle of a pool, got ${describe(given)} of another shape`);
  }
  return { format, process, id };
}

function positiveSize(action: string, name: string, value: unknown): number {
  checkCount(action, name, value);
  if (value > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(`Cannot ${action}: ${name} must be a safe integer, got ${value}`);
  }
  return value;
}

function blockCountFrom(
  action: string,
  name: string,
  bytes: number,
  blockSize: number,
  checked: boolean,
): number {
  const blockCount = Math.floor(bytes / blockSize);
  const limit = checked ? MAX_CHECKED_BLOCKS : MAX_BLOCKS;
  if (bytes > MAX_BYTES) {
    throw new RangeError(`Cannot ${action}: ${name} must not exceed 2^47, got ${bytes}`);
  }
  if (blockCount > limit) {
    throw new RangeError(
      `Cannot ${action}: ${name} / blockSize must not exceed ${limit}, got ${bytes} / ${blockSize}`,
    );
  }
  return blockCount;
}

function checkedFrom(action: string, value: unknown = false): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`Cannot ${action}: checked must be true or false, got ${describe(value)}`);
}

function cachedBlocksFrom(action: string, value: unknown, blockCapacity: number, blockSize: number): number {
  const fitting = blockCapacity < SMALL_POOL
    ? Math.floor(blockCapacity / SMALL_POOL_SHARE)
    : Math.min(DEFAULT_CACHED_BLOCKS, Math.ceil(DEFAULT_CACHED_BYTES / blockSize));
  const wanted = wholeNumber(action, "cachedBlocks", value, fitting);
  // Longer blocks are not cached, because the fast path stores the bytes asked for in one word.
  return blockSize < 2 ** 31 ? Math.min(wanted, blockCapacity, MAX_CACHED_BLOCKS) : 0;
}

/** Anything may be in these, until it is checked. */
type Unchecked = { readonly [Name in keyof MemPoolOptions | "signal"]?: unknown };

function optionsObject(action: string, options: unknown): Unchecked {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: options must be an object, got ${describe(options)}`);
  }
  return options;
}

function maxSizeFrom(action: string, bytes: number, value: unknown = bytes): number {
  const most = positiveSize(action, "maxSize", value);
  if (most >= bytes && most <= MAX_BYTES) return most;
  throw new RangeError(`Cannot ${action}: maxSize must be from size to 2^47, got ${most} for a size of ${bytes}`);
}

function alignmentFrom(action: string, value: unknown = MIN_ALIGNMENT): number {
  checkCount(action, "alignment", value);
  if (value < MIN_ALIGNMENT || value > MAX_ALIGNMENT || (value & (value - 1)) !== 0) {
    throw new RangeError(`Cannot ${action}: alignment must be a power of two from 16 to 4096, got ${value}`);
  }
  return value;
}

function warnFrom(action: string, value: unknown = "throw"): boolean {
  if (typeof value !== "string") {
    throw new TypeError(`Cannot ${action}: onMisuse must be "throw" or "warn", got ${describe(value)}`);
  }
  if (value !== "throw" && value !== "warn") {
    throw new RangeError(`Cannot ${action}: onMisuse must be "throw" or "warn", got ${describe(value)}`);
  }
  return value === "warn";
}

function wholeNumber(action: string, name: string, given: unknown, otherwise: number): number {
  const value = given === undefined ? otherwise : given;
  checkFromZero(action, name, value);
  if (value > MAX_INT32) {
    throw new RangeError(`Cannot ${action}: ${name} must not exceed 2^31 - 1, got ${value}`);
  }
  return value;
}
