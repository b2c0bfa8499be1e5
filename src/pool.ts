import { Attachment } from "./attachment.ts";
import { MemPoolError } from "./base/errors.ts";
import type { Buffers } from "./buffers.ts";
import type { BlockCache } from "./cache/block_cache.ts";
import type { LeakInfo } from "./checked/leaks.ts";
import { operationsOf } from "./checked_operations.ts";
import { closed } from "./closed.ts";
import type { BlockInfo } from "./diagnostics/block_list.ts";
import type { MemPoolStats } from "./diagnostics/stats.ts";
import { summaryOf } from "./diagnostics/summary.ts";
import { BlockLease, type Lease } from "./lease.ts";
import { openNamed } from "./named.ts";
import type { Operations } from "./operations.ts";
import { type AllocAsyncOptions, type MemPoolHandle, type MemPoolOptions, nameFrom, settingsFrom } from "./options.ts";
import { PoolRecords } from "./pool_records.ts";
import type { RecordFields, RecordLayout, Records } from "./records/types.ts";
import { CLOSED, DESTROYED, STATE } from "./region/layout.ts";
import { isLive, stateError } from "./region/validate.ts";
import { type Inspection, INSPECTORS } from "./runtime/console.ts";
import type { TypedArrayConstructor } from "./typed_arrays.ts";

/** A block: the ArrayBuffer that the pool has handed out, or any view on it. A view stands for its `.buffer`. */
export type Block = ArrayBuffer | ArrayBufferView;

/** The operations of a pool object that is open; throws "closed" or "destroyed". */
let liveOperations: (pool: MemPool, action: string) => Operations;

type EndState = typeof CLOSED | typeof DESTROYED;

interface Joining {
  readonly attachment: Attachment;
  /** Whether disposing of the pool object destroys the pool, or only closes the object. */
  readonly made: boolean;
}

/** The arguments of the pool object that `init`, `attach` or `open` is constructing. */
let joining: Joining | undefined;

interface Dropped {
  readonly attachment: Attachment;
  readonly member: (state: EndState) => void;
}

/** Takes objects of checked pools out of their pools, and reports their leaks, if they were dropped without an end. */
const collected = new FinalizationRegistry<Dropped>(({ attachment, member }) => {
  attachment.dropMember(member);
});

/**
 * A pool of fixed-size blocks in one region of native memory, shared by all workers of the process.
 *
 * Unless its description says otherwise, this holds for every method:
 *
 * - Any worker may call it at any time. The contents of a block are not guarded: that is the task of the callers.
 * - It takes constant time.
 * - It checks all arguments before it changes anything. It throws `TypeError` for a wrong type and `RangeError` for a
 *   number out of bounds.
 * - It throws {@linkcode MemPoolError} "destroyed" or "closed" once the pool is destroyed or this object is closed,
 *   "lock-timeout" if another worker keeps the lock for too long, "unsupported" for a buffer that is longer than the
 *   runtime allows (4 GiB on Bun), and "corrupt" if the pool's own data contradict themselves.
 *
 * @example Allocate, use, free
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MEGABYTE, MemPool } from "mempool";
 *
 * using pool = MemPool.init(64 * MEGABYTE, 256);
 * const block = pool.alloc(200)!;
 * assertEquals(block.byteLength, 200);
 * new Uint8Array(block).fill(7);
 * pool.free(block);
 * ```
 */
export class MemPool implements Disposable {
  // Every field that the fast paths read is initialised where it is declared, and is not assigned again while the pool
  // is open: the first comment of src/cache/block_cache.ts says why. `joining` hands the attachment over, because
  // fields that a constructor assigns start out as undefined.
  readonly #attachment: Attachment = joined().attachment;
  readonly #buffers: Buffers = this.#attachment.buffers;
  readonly #blockSize: number = this.#attachment.region.blockSize;
  #cache: BlockCache = this.#attachment.allocator.cache;
  readonly #operations: Operations = operationsOf(this.#attachment);
  readonly #made: boolean = joined().made;
  readonly #records: PoolRecords = new PoolRecords(this.#attachment, (action) => this.#live(action));
  #header: Int32Array = this.#attachment.region.header;
  /** Undefined until this object leaves the pool. Until then, the block table knows the count. */
  #lastBlockCount: number | undefined = undefined;
  readonly #onEnd: (state: EndState) => void = MemPool.#callbackFor(new WeakRef(this));

  static {
    liveOperations = (pool, action) => pool.#live(action);
    for (const name of INSPECTORS) {
      Object.defineProperty(this.prototype, name, { value: inspect, writable: true, configurable: true });
    }
    function inspect(this: object, levels: unknown, inspection?: Inspection): string {
      return #header in this ? this.#summary(levels, inspection) : "MemPool {}";
    }
  }

  private constructor() {
    const dropped = { attachment: this.#attachment, member: this.#onEnd };
    const { tracker, region } = this.#attachment;
    // A name still leads to the blocks of a pool object that was dropped, and a later evaluation takes them back.
    if (tracker !== undefined && !region.named) collected.register(this, dropped, this);
    this.#attachment.addMember(this.#onEnd); // last, because the caller undoes the call if anything has thrown before
  }

  /**
   * Makes a pool. The time does not grow with `size`, because the system provides memory only when blocks are first
   * used.
   *
   * @param size Bytes that blocks may occupy, up to 2^47. A remainder that is less than a block is not used.
   * @param defaultBlockSize Bytes of a block, rounded up to a multiple of `options.alignment`; then less than `size`.
   * @param options See {@linkcode MemPoolOptions}.
   * @returns The pool. Disposing of it destroys the pool.
   * @throws {TypeError | RangeError} An argument has a wrong type, is not a positive safe integer, or is out of bounds.
   * @throws {MemPoolError} "map-failed": the system refused the memory.
   * @throws {MemPoolError} "library": the native library cannot be loaded. The message lists what was tried.
   * @example Block sizes are rounded up
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1000, 50);
   * assertEquals([pool.blockSize, pool.blockCount, pool.size], [64, 15, 960]);
   * ```
   */
  static init(size: number, defaultBlockSize: number, options?: MemPoolOptions): MemPool {
    return MemPool.#join(Attachment.create(settingsFrom(size, defaultBlockSize, options)), true);
  }

  /**
   * Joins a pool, from any worker of the process that made it, the worker that made it included. A worker may attach
   * any number of times, and each pool object is closed on its own.
   *
   * @param handle The `handle` of the pool, as it arrived by `postMessage`.
   * @returns A pool object. Disposing of it closes it.
   * @throws {TypeError} `handle` is not shaped like a handle.
   * @throws {MemPoolError} "unknown-pool": the handle is from another process.
   * @throws {MemPoolError} "format-mismatch": the pool was made by another version of the library.
   * @throws {MemPoolError} "destroyed": the pool is destroyed.
   * @throws {MemPoolError} "too-many-workers": 128 workers are attached.
   * @throws {MemPoolError} "lock-timeout": another worker keeps the lock, or does not finish a free, for too long.
   * @throws {MemPoolError} "unsupported": the system refuses the memory barrier that a second worker needs.
   * @throws {MemPoolError} "library": the native library cannot be loaded.
   * @example Join and leave
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * const joined = MemPool.attach(pool.handle); // in a worker, the handle comes with a message
   * assertEquals(joined.blockCount, pool.blockCount);
   * joined.close();
   * ```
   */
  static attach(handle: MemPoolHandle): MemPool {
    return MemPool.#join(Attachment.open(handle), false);
  }

  /**
   * Returns the live pool of this name in this process, or makes it. Workers need no handle: if several open one name at
   * the same moment, one of them makes the pool and the others attach to it. The pool lives until a worker calls
   * `destroy`, and then the name is free again. Takes time proportional to the number of live pools.
   *
   * Sizes and options must equal those of the live pool. If they differ and no other thread is attached, the live pool
   * is destroyed and a new one is made.
   *
   * A thread has one place in a pool, which all its pool objects share. If a watcher evaluates the program again in the
   * same thread, as `bun --hot` and `deno run --watch` do, `open` takes that place over: it closes the pool objects of the
   * earlier evaluation and frees the blocks that they left allocated.
   *
   * @param name Any string of 1 to 200 UTF-16 units. Two different strings are two names.
   * @param size Bytes that blocks may occupy, up to 2^47. A remainder that is less than a block is not used.
   * @param defaultBlockSize Bytes of a block, rounded up to a multiple of `options.alignment`; then less than `size`.
   * @param options See {@linkcode MemPoolOptions}.
   * @returns A pool object. Disposing of it closes it.
   * @throws {TypeError | RangeError} An argument has a wrong type or is out of bounds.
   * @throws {MemPoolError} "format-mismatch": the live pool has other sizes or options and another thread is attached,
   *   or another version of the library made it.
   * @throws {MemPoolError} "map-failed", "too-many-workers", "lock-timeout", "unsupported" or "library": as
   *   {@linkcode MemPool.init} and {@linkcode MemPool.attach} throw them.
   * @example The same pool twice
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * const pool = MemPool.open("jobs", 1024, 64);
   * using same = MemPool.open("jobs", 1024, 64); // in a worker, the same line
   * assertEquals(same.owns(pool.alloc(50)!), true);
   * pool.destroy(); // now the name is free again
   * ```
   */
  static open(name: string, size: number, defaultBlockSize: number, options?: MemPoolOptions): MemPool {
    const units = nameFrom(name);
    return MemPool.#join(openNamed(units, settingsFrom(size, defaultBlockSize, options, "open pool")), false);
  }

  /**
   * The bytes that blocks can occupy now: `blockCount * blockSize`. Like the other properties except `buffer`, it never
   * throws.
   */
  get size(): number {
    return this.blockCount * this.#blockSize;
  }

  /** The bytes of a block: `defaultBlockSize`, rounded up to a multiple of the pool's alignment. */
  get blockSize(): number {
    return this.#blockSize;
  }

  /** The number of blocks now. After this object has left the pool, the number that it had then. */
  get blockCount(): number {
    return this.#lastBlockCount ?? this.#attachment.region.table.blockCount;
  }

  /** Whether the pool is destroyed. An object that was closed before no longer learns of it. */
  get destroyed(): boolean {
    return this.#header[STATE] === DESTROYED;
  }

  /** Plain data that identifies the pool. Post it to other workers of this process, for {@linkcode MemPool.attach}. */
  get handle(): MemPoolHandle {
    return this.#attachment.handle;
  }

  /**
   * Allocates a block, or the fewest adjacent blocks that hold `numBytes`. The contents are unspecified.
   *
   * A single block takes no lock most of the time. Before the result is `null`, the pool takes back what all workers
   * have cached, and grows if it may.
   *
   * @param numBytes The length of the buffer: a whole number from 1 up.
   * @returns A buffer of exactly `numBytes`, or `null` when no run of free blocks fits.
   * @throws {TypeError | RangeError} `numBytes` is not a number, or not a whole number from 1 up.
   * @example An exhausted pool
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * assertEquals(pool.alloc(1000)?.byteLength, 1000); // all 16 blocks
   * assertEquals(pool.alloc(1), null);
   * ```
   */
  alloc(numBytes: number): ArrayBuffer | null {
    const cache = this.#cache;
    const number = cache.take(numBytes);
    if (number < 0) return allocSlowly(this, numBytes);
    try {
      return this.#buffers.over(number, numBytes);
    } catch (error) {
      // No call, for the stack may be full: see "Calls that throw" in src/cache/block_cache.ts.
      cache.undelivered = number;
      cache.longest = 0;
      throw error;
    }
  }

  /**
   * Allocates like `alloc`, with every byte 0.
   *
   * The pool zeroes every block that it has ever handed out or cached, which takes time proportional to their length.
   * It does not touch other blocks, because the system delivers them as zeros. So it cannot know what a program has
   * written through {@linkcode MemPool.buffer} to blocks that were never allocated: those bytes are handed out as they
   * are.
   *
   * @param numMembers A whole number from 1 up.
   * @param size Bytes of a member: a whole number from 1 up.
   * @returns A buffer of `numMembers * size` bytes, or `null` when no run of free blocks fits.
   * @throws {TypeError | RangeError} An argument is not a whole number from 1 up, or the product exceeds 2^53.
   * @example Eight numbers, all 0
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * assertEquals(new Float64Array(pool.calloc(8, 8)!).every((number) => number === 0), true);
   * ```
   */
  calloc(numMembers: number, size: number): ArrayBuffer | null {
    return this.#live("allocate").calloc(numMembers, size);
  }

  /**
   * Changes the length of a block, up or down, and keeps its contents up to the shorter length. The block becomes this
   * worker's.
   *
   * It is resized in place where the blocks after it allow. Otherwise it is moved, which takes time proportional to its
   * length. A shorter block gives the rest of its blocks back.
   *
   * @param block A block of this pool. Once a buffer is returned, it must not be used any more.
   * @param numBytes The new length: a whole number from 1 up.
   * @returns The buffer to use from now on, or `null` when there is no room. Then `block` is unchanged and still valid.
   * @throws {TypeError | RangeError} `block` is no buffer or view, or `numBytes` is not a whole number from 1 up.
   * @throws {MemPoolError} "double-free": the block is not allocated.
   * @throws {MemPoolError} "foreign-block": `block` is not a block of this pool.
   * @example A longer block
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * const block = pool.realloc(pool.calloc(10, 1)!, 100)!;
   * assertEquals([block.byteLength, new Uint8Array(block)[9]], [100, 0]);
   * ```
   */
  realloc(block: Block, numBytes: number): ArrayBuffer | null {
    return this.#live("reallocate").realloc(block, numBytes);
  }

  /**
   * Gives a block back. If several workers free one block at the same moment, exactly one of them succeeds.
   *
   * @param block A buffer that `alloc` has returned, in this worker or in another one, or a view on it.
   * @throws {TypeError} `block` is no buffer or view.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   * @example A double free
   * ```ts
   * import { assertThrows } from "@std/assert";
   * import { MemPool, MemPoolError } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * const block = pool.alloc(50)!;
   * pool.free(new Uint8Array(block)); // a view stands for its buffer
   * assertThrows(() => pool.free(block), MemPoolError, "already free");
   * ```
   */
  free(block: Block): void {
    const number = this.#buffers.stamped(block);
    if (number < 0 || !this.#cache.give(number)) freeSlowly(this, block);
  }

  /**
   * Destroys the pool in every worker. The memory goes back to the system at once, and each later call throws
   * "destroyed". Reading a buffer that is still held gives unspecified bytes, but never faults.
   *
   * Does nothing if the pool is destroyed already, or if this object is closed.
   *
   * @example After the end
   * ```ts
   * import { assertThrows } from "@std/assert";
   * import { MemPool, MemPoolError } from "mempool";
   * const pool = MemPool.init(1024, 64);
   * pool.destroy();
   * assertThrows(() => pool.alloc(50), MemPoolError, "destroyed");
   * ```
   */
  destroy(): void {
    if (!this.#hasClosed()) this.#attachment.destroy();
  }

  /**
   * Allocates several blocks of one length, or none. Takes the lock, and time proportional to their number.
   *
   * @param count How many blocks: a whole number from 0 up.
   * @param numBytes The length of each buffer: a whole number from 1 up.
   * @returns The buffers, or `null` when they do not all fit.
   * @throws {TypeError | RangeError} An argument is not a number, or not such a whole number.
   * @example All or nothing
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * assertEquals(pool.allocMany(17, 64), null);
   * pool.freeMany(pool.allocMany(16, 64)!);
   * assertEquals(pool.stats().allocatedBlocks, 0);
   * ```
   */
  allocMany(count: number, numBytes: number): ArrayBuffer[] | null {
    return this.#live("allocate").allocMany(count, numBytes);
  }

  /**
   * Gives several blocks back, or none: all are validated before any is freed. A block that is named twice is a double
   * free. Takes the lock, and time proportional to their number. Example: {@linkcode MemPool.allocMany}.
   *
   * @param blocks Blocks of this pool, each once.
   * @throws {TypeError} `blocks` is no iterable of buffers and views.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  freeMany(blocks: Iterable<Block>): void {
    const given = this.#live("free").listOf(blocks);
    // Again: iterating has run the caller's code.
    this.#live("free").freeMany(given);
  }

  /**
   * Whether a block is an allocated block of this pool, which `free` would accept. Example: {@linkcode MemPool.at}.
   *
   * @throws {TypeError} `block` is no buffer or view.
   */
  owns(block: Block): boolean {
    return this.#live("check ownership").owns(block);
  }

  /**
   * The distance of a block from the start of the data, in bytes: the same number in every worker. The block becomes
   * this worker's. Example: {@linkcode MemPool.at}.
   *
   * @throws {TypeError} `block` is no buffer or view.
   * @throws {MemPoolError} "double-free": the block is not allocated.
   * @throws {MemPoolError} "foreign-block": `block` is not a block of this pool.
   */
  offsetOf(block: Block): number {
    return this.#live("locate").offsetOf(block);
  }

  /**
   * This worker's buffer over the block at an offset, with the length that was asked for when the block was allocated
   * or last resized. The block becomes this worker's.
   *
   * @param offset A result of `offsetOf` or of the offset tier, in any worker.
   * @throws {TypeError | RangeError} `offset` is not a whole number from 0 up.
   * @throws {MemPoolError} "double-free": the block is not allocated.
   * @throws {MemPoolError} "foreign-block": no block starts at `offset`.
   * @example There and back
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * const offset = pool.offsetOf(pool.alloc(50)!); // a number, to post to any worker
   * assertEquals(pool.owns(pool.at(offset)), true);
   * ```
   */
  at(offset: number): ArrayBuffer {
    return this.#live("look at").at(offset);
  }

  /**
   * The whole data area as it is now: offset o of {@linkcode MemPool.allocOffset} is index o of this buffer. Fetch it
   * again after the pool may have grown. It is not a block. It is empty once the pool is destroyed or this object is
   * closed.
   *
   * Write only to allocated blocks. The pool does not see writes to other blocks: see {@linkcode MemPool.calloc}.
   *
   * @throws {MemPoolError} "unsupported": the area is longer than a buffer of this runtime can be (4 GiB on Bun).
   */
  get buffer(): ArrayBuffer {
    return isLive(this.#header) ? this.#operations.buffer() : new ArrayBuffer(0);
  }

  /**
   * Allocates like `alloc`, without making an object: for records at offsets of {@linkcode MemPool.buffer}.
   *
   * @param numBytes A whole number from 1 up.
   * @returns The offset of the block's first byte in the data, or -1 when no run of free blocks fits.
   * @throws {TypeError | RangeError} `numBytes` is not a number, or not a whole number from 1 up.
   * @example A record that grows
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * const record = pool.callocOffset(3, 8); // or allocOffset(24), for contents unspecified
   * const longer = pool.reallocOffset(record, 100);
   * assertEquals(new Float64Array(pool.buffer, longer, 3)[2], 0);
   * pool.freeOffset(longer);
   * ```
   */
  allocOffset(numBytes: number): number {
    const number = this.#cache.take(numBytes);
    return number < 0 ? this.#live("allocate").allocOffset(numBytes) : number * this.#blockSize;
  }

  /**
   * Allocates like {@linkcode MemPool.calloc}, without making an object. Example: {@linkcode MemPool.allocOffset}.
   *
   * @param numMembers A whole number from 1 up.
   * @param size Bytes of a member: a whole number from 1 up.
   * @returns The offset of the block's first byte in the data, or -1 when no run of free blocks fits.
   * @throws {TypeError | RangeError} An argument is not a whole number from 1 up, or the product exceeds 2^53.
   */
  callocOffset(numMembers: number, size: number): number {
    return this.#live("allocate").callocOffset(numMembers, size);
  }

  /**
   * Resizes like {@linkcode MemPool.realloc}, without making an object. Example: {@linkcode MemPool.allocOffset}.
   *
   * @param offset The offset of an allocated block.
   * @param numBytes The new length: a whole number from 1 up.
   * @returns The offset to use from now on, or -1 when there is no room. Then `offset` is still valid.
   * @throws {TypeError | RangeError} `offset` is not a whole number from 0 up, or `numBytes` not one from 1 up.
   * @throws {MemPoolError} "double-free": the block is not allocated.
   * @throws {MemPoolError} "foreign-block": no block starts at `offset`.
   */
  reallocOffset(offset: number, numBytes: number): number {
    return this.#live("reallocate").reallocOffset(offset, numBytes);
  }

  /**
   * Frees like {@linkcode MemPool.free}, by offset. Example: {@linkcode MemPool.allocOffset}.
   *
   * @param offset The offset of an allocated block.
   * @throws {TypeError | RangeError} `offset` is not a whole number from 0 up.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  freeOffset(offset: number): void {
    if (!this.#cache.giveAt(offset)) this.#live("free").freeOffset(offset);
  }

  /**
   * Typed records: reads and writes the fields of a layout by name, at the speed of arithmetic on `pool.buffer`. A record
   * is named by a number, as in the offset tier. {@linkcode Records} says what can be done with it, with examples.
   *
   * Call it once for a layout and keep the result, which belongs to this pool object. With the same layout it returns the
   * same object again. The first call compiles the accessors, unless the program may not compile code from strings: then
   * they are slower.
   *
   * @param layout A result of {@linkcode record}. A record longer than a block takes several adjacent ones.
   * @returns The records of this layout.
   * @throws {TypeError} `layout` is something else.
   * @throws {MemPoolError} "unsupported": the pool is or may grow longer than a buffer can be (4 GiB on Bun).
   * @example Records with fields
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool, record } from "mempool";
   * const Point = record({ x: "f64", y: "f64" });
   * using pool = MemPool.init(1024, Point.byteLength);
   * const points = pool.records(Point);
   * const point = points.alloc();
   * points.set.x(point, 3);
   * points.set.y(point, 4);
   * assertEquals(Math.hypot(points.get.x(point), points.get.y(point)), 5);
   * points.free(point);
   * ```
   */
  records<const F extends RecordFields>(layout: RecordLayout<F>): Records<F> {
    return this.#records.of(layout as unknown as RecordLayout) as unknown as Records<F>;
  }

  /**
   * Allocates an array of numbers. It covers its buffer, its elements are aligned, and `free(array)` gives it back.
   *
   * @param type `Float64Array` or another {@linkcode TypedArrayConstructor}.
   * @param length The number of elements: a whole number from 1 up.
   * @returns The array, whose contents are unspecified, or `null` when no run of free blocks fits.
   * @throws {TypeError | RangeError} `type` or `length` is something else, or the array exceeds 2^53 bytes.
   * @example Eight numbers
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * const numbers = pool.allocArray(Float64Array, 8)!.fill(0.5);
   * assertEquals(numbers.reduce((sum, number) => sum + number), 4);
   * pool.free(numbers);
   * ```
   */
  allocArray<T extends TypedArrayConstructor>(type: T, length: number): InstanceType<T> | null {
    return this.#live("allocate").allocArray(type, length);
  }

  /**
   * Allocates like `alloc`, for `using`: the block is freed at the end of the scope, also if the scope ends by an
   * error. {@linkcode Lease} says what happens to blocks that are moved, freed or posted before.
   *
   * @param numBytes A whole number from 1 up.
   * @returns An object with the block as its `buffer`, or `null` when no run of free blocks fits.
   * @throws {TypeError | RangeError} `numBytes` is not a number, or not a whole number from 1 up.
   * @example For the time of a scope
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * {
   *   using lease = pool.lease(50)!;
   *   new Uint8Array(lease.buffer).fill(7);
   * }
   * assertEquals(pool.stats().allocatedBlocks, 0);
   * ```
   */
  lease(numBytes: number): Lease | null {
    const lease = new BlockLease(this); // before the block, which would be lost if this failed
    const buffer = this.alloc(numBytes);
    if (buffer === null) return null;
    lease.buffer = buffer;
    return lease;
  }

  /**
   * Allocates like `alloc`. Where `alloc` would return `null`, the promise waits until this worker or another one frees
   * enough blocks.
   *
   * - Requests of all workers are served in order of arrival. Small requests do not overtake a larger one.
   * - While any request waits, every call of every worker takes the lock.
   * - A message wakes a waiting worker, so its event loop has to run. A worker with a waiting request stays alive.
   *
   * @param numBytes A whole number from 1 up.
   * @param options `signal` cancels the request when it is aborted; the promise then rejects with the signal's reason.
   * @returns A buffer of exactly `numBytes`. All errors reject the promise.
   * @throws {RangeError} The pool could never hold `numBytes`, even if it were empty and as large as `maxSize`.
   * @throws {MemPoolError} "destroyed" or "closed", also while the request waits.
   * @throws {MemPoolError} "unsupported": 16,384 requests wait already, or the request has to wait on Deno before 2.9.
   * @example Wait for a block
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * const whole = pool.alloc(1024)!;
   * const waiting = pool.allocAsync(50, { signal: AbortSignal.timeout(10_000) });
   * pool.free(whole);
   * assertEquals((await waiting).byteLength, 50);
   * ```
   */
  async allocAsync(numBytes: number, options?: AllocAsyncOptions): Promise<ArrayBuffer> {
    return await this.#live("allocate").allocAsync(numBytes, options, this);
  }

  /**
   * Counts the blocks and reads the counters. Takes the lock, and time proportional to the number of runs. Other
   * workers go on meanwhile: a block that one of them takes from or gives to its cache may count as allocated or as
   * cached. Example: {@linkcode MemPoolStats}.
   */
  stats(): MemPoolStats {
    return this.#live("collect statistics").stats();
  }

  /**
   * Lists every run of the pool as it is now, in order of address. The entries tile the data without a hole or an
   * overlap, also while other workers go on: a block that one of them takes from or gives to its cache may be listed as
   * allocated or as cached.
   *
   * The runs are noted under the lock, eight bytes each, in time proportional to their number. The entries are made one
   * by one when they are asked for. Example: {@linkcode BlockInfo}.
   *
   * @returns The runs. The list can be iterated any number of times, and does not change any more.
   */
  blocks(): Iterable<BlockInfo> {
    return this.#live("list blocks").blocks();
  }

  /**
   * Executes the invariants of docs/design.md, for tests. Takes the lock, and time proportional to the number of blocks
   * that were ever used.
   *
   * @throws {MemPoolError} "corrupt": the message names the first invariant that is broken.
   */
  check(): void {
    this.#live("check the pool").check();
  }

  /**
   * Lists the blocks of a checked pool that are still allocated, by any worker, oldest first. Takes the lock, and time
   * proportional to the number of runs. Example: {@linkcode LeakInfo}.
   *
   * @throws {MemPoolError} "unsupported": the pool was made without `checked: true`.
   */
  leaks(): LeakInfo[] {
    return this.#live("list leaks").leaks();
  }

  /**
   * Gives the memory of free blocks back to the system, in whole pages. Blocks that workers have cached are made free
   * first. The blocks stay usable: when they are allocated again, the system provides new memory.
   *
   * Takes time proportional to the number of runs and to the memory that goes back. It holds the lock for some
   * milliseconds at a time.
   *
   * @returns How many bytes went back. Pages that were not resident do not count.
   * @example After a rush
   * ```ts
   * import { assert, assertEquals } from "@std/assert";
   * import { MEGABYTE, MemPool } from "mempool";
   * using pool = MemPool.init(4 * MEGABYTE, 4096);
   * const block = pool.alloc(MEGABYTE)!;
   * new Uint8Array(block).fill(1);
   * pool.free(block);
   * assert(pool.trim() >= 1_000_000);
   * assertEquals(pool.trim(), 0); // nothing is left to give back
   * ```
   */
  trim(): number {
    return this.#live("trim").trim();
  }

  /**
   * Takes back what dead workers had cached or allocated: workers whose thread ended without `close`, by an error, by
   * itself, or by `terminate`. Takes the lock, and time proportional to the number of runs.
   *
   * A block belongs to the worker that last allocated or reallocated it, or called `at` or `offsetOf` on it.
   *
   * @returns How many blocks came back.
   * @example No worker has died
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * pool.alloc(64); // this worker lives, so it keeps its block
   * assertEquals(pool.reap(), 0);
   * ```
   */
  reap(): number {
    return this.#live("reap").reap();
  }

  /**
   * Closes this object. With its last object, this worker leaves the pool. The pool and all allocated blocks live on,
   * the blocks of this worker included. Does nothing the second time. Example: {@linkcode MemPool.attach}.
   */
  close(): void {
    if (this.#hasClosed()) return;
    if (this.#header[STATE] === DESTROYED) return this.#attachment.leaveDestroyed();
    this.#end(CLOSED);
    // The cache of a worker that leaves is closed. Where other objects stay, this one must not use it any more.
    if (!this.#attachment.removeMember(this.#onEnd)) this.#cache = closed(CLOSED).cache;
  }

  /** Calls `destroy` on an object that `init` has returned, and `close` on one that `attach` or `open` has returned. */
  [Symbol.dispose](): void {
    if (this.#made) this.destroy();
    else this.close();
  }

  static #join(attachment: Attachment, made: boolean): MemPool {
    joining = { attachment, made };
    try {
      return new MemPool();
    } catch (error) {
      attachment.undo();
      throw error;
    } finally {
      joining = undefined;
    }
  }

  /** The callback for the attachment, which must not keep a pool object alive that its user has dropped. */
  static #callbackFor(pool: WeakRef<MemPool>): (state: EndState) => void {
    return (state) => {
      const object = pool.deref();
      if (object !== undefined) object.#end(state);
    };
  }

  #end(state: EndState): void {
    this.#lastBlockCount ??= this.blockCount;
    collected.unregister(this);
    this.#header = closed(state).header;
    this.#records.end(closed(state).cache);
    this.#attachment.allocator.waiters.rejectOf(this, endError("allocate", state));
  }

  #summary(levels: unknown, inspection?: Inspection): string {
    const state = this.#header[STATE];
    const end = state === CLOSED ? "closed" : state === DESTROYED ? "destroyed" : undefined;
    const region = end ?? this.#attachment.region;
    return summaryOf({ blockSize: this.#blockSize, blockCount: this.blockCount, region }, levels, inspection);
  }

  #live(action: string): Operations {
    if (isLive(this.#header)) return this.#operations.begin(action);
    if (this.#hasClosed()) throw endError(action, CLOSED);
    if (this.#header[STATE] === DESTROYED) this.#attachment.leaveDestroyed();
    throw stateError(action, this.#header[STATE]!);
  }

  /**
   * Trusts CLOSED only in this object's own private header: a stray write may put any state into the region's header.
   */
  #hasClosed(): boolean {
    return this.#header[STATE] === CLOSED && this.#header !== this.#attachment.region.header;
  }
}

function joined(): Joining {
  if (joining !== undefined) return joining;
  throw new TypeError("Cannot construct MemPool: use MemPool.init or MemPool.attach");
}

function endError(action: string, state: EndState): MemPoolError {
  return state === CLOSED
    ? new MemPoolError("closed", `Cannot ${action}: this pool object is closed`)
    : stateError(action, state);
}

// Functions of their own: with these calls inside, the fast paths would have too many bytecodes for V8 to inline them.

function allocSlowly(pool: MemPool, numBytes: number): ArrayBuffer | null {
  return liveOperations(pool, "allocate").alloc(numBytes);
}

function freeSlowly(pool: MemPool, block: Block): void {
  liveOperations(pool, "free").free(block);
}
