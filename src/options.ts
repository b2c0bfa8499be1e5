import { checkCount, checkFromZero, describe } from "./base/arguments.ts";
import type { RegionSettings } from "./region/region.ts";
import { MAX_BLOCKS, MAX_BYTES, MAX_CACHED_BLOCKS, metaBytes } from "./region/layout.ts";

/**
 * What `MemPool.init` can be told besides the two sizes. What is left out, or `undefined`, is chosen by the library.
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
   * `"throw"`: an error for `free` of something not allocated. `"warn"`: a line on the console, as the C original
   * does, and the call returns. Other operations throw in either case.
   *
   * @default {"throw"}
   */
  readonly onMisuse?: "throw" | "warn";
  /**
   * The pool may grow up to this many bytes, by itself, when it is exhausted: it doubles, and does more for a request that
   * needs more. Offsets, buffers and views stay valid. Address space only, until blocks are used.
   *
   * @default {size}
   */
  readonly maxSize?: number;
  /**
   * Every block starts on a multiple of this: a power of two from 16 to 4096.
   *
   * @default {16}
   */
  readonly alignment?: number;
  /**
   * How many free blocks each worker may keep at hand, from 0, which turns the caches off, to 65,536; more is taken as
   * that. Unless given, a 32nd of the blocks that the pool may have, and 256 at most.
   */
  readonly cachedBlocks?: number;
  /**
   * How many ArrayBuffer objects each worker keeps for reuse, from 0, so that a pool of many blocks cannot fill the
   * JavaScript heap. What is between two powers of two is taken as the lower one.
   *
   * @default {131072}
   */
  readonly cachedBuffers?: number;
  /**
   * Milliseconds before waiting for the lock gives up with "lock-timeout", from 0 to 2^31 - 1.
   *
   * @default {5000}
   */
  readonly lockTimeout?: number;
  /**
   * For tests and debugging: a buffer is detached the moment it is freed, moved by `realloc`, or its pool destroyed, and so
   * are all views on it; every double free of a buffer is found, and reported with the stacks of the allocation and of both
   * frees; freed blocks are zeroed; `leaks` tells what is still allocated and where that was done. An offset is a number:
   * freeing it twice is found until its block has a new owner. Only the worker that frees detaches its buffers: another's
   * are refused as stale, but can be read until that worker comes to the block again, and one that was posted is known once
   * it was passed to the pool. A block that the system still reads or writes is kept back until it is done, on Bun; Deno
   * does not tell. A worker that closes the pool before that loses the block. A call costs about ten microseconds on Bun and some tens on
   * Deno, a block 16 bytes more. There are no worker caches.
   *
   * @default {false}
   */
  readonly checked?: boolean;
}

/**
 * How {@linkcode MemPool.allocAsync} waits.
 *
 * @example Not for ever
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
  /** Gives the request up when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Plain data that finds a pool from any worker of the process: post it, and give it to `MemPool.attach`.
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
  /** Format of the pool. */
  readonly format: number;
  /** The process that the pool lives in. */
  readonly process: number;
  /** The pool, among all that the process ever had. */
  readonly id: number;
}

/** The two sizes and every option, checked. */
export interface Settings extends RegionSettings {
  /** The bytes of the region that are not data. */
  readonly metaBytes: number;
}

/**
 * Unless told otherwise, a worker caches a 32nd of the pool, and at most enough for a hundred calls without the lock:
 * what lies in a cache does not coalesce.
 */
const DEFAULT_CACHED_SHARE = 32;
const DEFAULT_CACHED_BLOCKS = 256;

/** Enough for a hundred thousand live buffers; they take about 40 MB of JavaScript heap. */
const DEFAULT_CACHED_BUFFERS = 2 ** 17;

const DEFAULT_LOCK_TIMEOUT = 5000;

const MAX_INT32 = 2 ** 31 - 1;
const MAX_ALIGNMENT = 4096;
const MIN_ALIGNMENT = 16;

/** Checks what `init` was given. */
export function settingsFrom(size: unknown, defaultBlockSize: unknown, options: unknown): Settings {
  const bytes = positiveSize("size", size);
  const block = positiveSize("defaultBlockSize", defaultBlockSize);
  const given = optionsObject("init pool", options);
  const alignment = alignmentFrom(given.alignment);
  const blockSize = Math.ceil(block / alignment) * alignment;
  if (blockSize >= bytes) {
    throw new RangeError(
      `Cannot init pool: defaultBlockSize must be smaller than size, got ${blockSize} (rounded up) and ${bytes}`,
    );
  }
  const checked = checkedFrom(given.checked);
  const blockCount = blockCountFrom("size", bytes, blockSize, checked);
  const blockCapacity = blockCountFrom("maxSize", maxSizeFrom(bytes, given.maxSize), blockSize, checked);
  const cachedBlocks = cachedBlocksFrom(given.cachedBlocks, blockCapacity, blockSize);
  return {
    blockSize,
    blockCount,
    blockCapacity,
    metaBytes: metaBytes(blockCapacity, checked ? 0 : cachedBlocks, checked),
    warnOnMisuse: warnFrom(given.onMisuse),
    cachedBlocks: checked ? 0 : cachedBlocks,
    cachedBuffers: wholeNumber("cachedBuffers", given.cachedBuffers, DEFAULT_CACHED_BUFFERS),
    lockTimeout: wholeNumber("lockTimeout", given.lockTimeout, DEFAULT_LOCK_TIMEOUT),
    checked,
  };
}

/** The signal among the options of a call that waits. */
export function signalFrom(action: string, options: unknown): AbortSignal | undefined {
  const { signal } = optionsObject(action, options);
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new TypeError(`Cannot ${action}: signal must be an AbortSignal, got ${describe(signal)}`);
}

/** Checks that something has the shape of a handle; whether there is such a pool is another question. */
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

function positiveSize(name: string, value: unknown): number {
  checkCount("init pool", name, value);
  if (value > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(`Cannot init pool: ${name} must be a safe integer, got ${value}`);
  }
  return value;
}

function blockCountFrom(name: string, bytes: number, blockSize: number, checked: boolean): number {
  const blockCount = Math.floor(bytes / blockSize);
  const limit = checked ? MAX_BLOCKS / 2 : MAX_BLOCKS;
  if (bytes > MAX_BYTES) {
    throw new RangeError(`Cannot init pool: ${name} must not exceed 2^47, got ${bytes}`);
  }
  if (blockCount > limit) {
    throw new RangeError(
      `Cannot init pool: ${name} / blockSize must not exceed ${limit}, got ${bytes} / ${blockSize}`,
    );
  }
  return blockCount;
}

function checkedFrom(value: unknown = false): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`Cannot init pool: checked must be true or false, got ${describe(value)}`);
}

function cachedBlocksFrom(value: unknown, blockCapacity: number, blockSize: number): number {
  const fitting = Math.min(DEFAULT_CACHED_BLOCKS, Math.floor(blockCapacity / DEFAULT_CACHED_SHARE));
  const wanted = wholeNumber("cachedBlocks", value, fitting);
  // The fast path notes what was asked for in one word.
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

function maxSizeFrom(bytes: number, value: unknown = bytes): number {
  const most = positiveSize("maxSize", value);
  if (most >= bytes && most <= MAX_BYTES) return most;
  throw new RangeError(`Cannot init pool: maxSize must be from size to 2^47, got ${most} for a size of ${bytes}`);
}

function alignmentFrom(value: unknown = MIN_ALIGNMENT): number {
  checkCount("init pool", "alignment", value);
  if (value < MIN_ALIGNMENT || value > MAX_ALIGNMENT || (value & (value - 1)) !== 0) {
    throw new RangeError(`Cannot init pool: alignment must be a power of two from 16 to 4096, got ${value}`);
  }
  return value;
}

function warnFrom(value: unknown = "throw"): boolean {
  if (typeof value !== "string") {
    throw new TypeError(`Cannot init pool: onMisuse must be "throw" or "warn", got ${describe(value)}`);
  }
  if (value !== "throw" && value !== "warn") {
    throw new RangeError(`Cannot init pool: onMisuse must be "throw" or "warn", got ${describe(value)}`);
  }
  return value === "warn";
}

function wholeNumber(name: string, given: unknown, otherwise: number): number {
  const value = given === undefined ? otherwise : given;
  checkFromZero("init pool", name, value);
  if (value > MAX_INT32) {
    throw new RangeError(`Cannot init pool: ${name} must not exceed 2^31 - 1, got ${value}`);
  }
  return value;
}
