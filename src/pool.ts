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
import type { Operations } from "./operations.ts";
import { type AllocAsyncOptions, type MemPoolHandle, type MemPoolOptions, settingsFrom } from "./options.ts";
import { CLOSED, DESTROYED, STATE } from "./region/layout.ts";
import { isLive, stateError } from "./region/validate.ts";
import { type Inspection, INSPECTORS } from "./runtime/console.ts";
import { arrayOver, bytesOfArray, type TypedArrayConstructor } from "./typed_arrays.ts";

/** What the pool hands out: an ArrayBuffer, or any view on it, which stands for its `.buffer`. */
export type Block = ArrayBuffer | ArrayBufferView;

/** The operations of a pool object that is open; throws "closed" or "destroyed". */
let liveOperations: (pool: MemPool, action: string) => Operations;

interface Joining {
  readonly attachment: Attachment;
  /** Whether disposing of the pool object destroys the pool, or only closes the object. */
  readonly made: boolean;
}

/** What the pool object that `init` or `attach` is constructing belongs to. */
let joining: Joining | undefined;

interface Dropped {
  readonly attachment: Attachment;
  readonly member: () => void;
}

/** Objects of checked pools that were dropped without `close` or `destroy`: they leave, and their leaks are reported. */
const collected = new FinalizationRegistry<Dropped>(({ attachment, member }) => {
  attachment.dropMember(member);
});

/**
 * A pool of fixed-size blocks in one region of native memory, shared by all workers of the process. Every method may
 * be called from any worker at any time; a block itself is its holder's to guard.
 *
 * Unless it says otherwise, a method takes constant time and checks its arguments before it changes anything
 * (`TypeError` for a wrong type, `RangeError` for a number out of bounds). It throws `MemPoolError` "destroyed" or
 * "closed" once the pool is destroyed or this object closed, "lock-timeout" when another worker does not leave its
 * critical section, and "unsupported" for one buffer longer than the runtime's can be (4 GiB on Bun).
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
  // Every field that the fast paths read is initialised where it is declared, and is not assigned again while the pool is
  // open: src/cache/block_cache.ts says why. `joining` hands the attachment over, because a constructor that assigns fields
  // would leave them undefined first.
  readonly #attachment: Attachment = joined().attachment;
  readonly #buffers: Buffers = this.#attachment.buffers;
  readonly #blockSize: number = this.#attachment.region.blockSize;
  #cache: BlockCache = this.#attachment.allocator.cache;
  readonly #operations: Operations = operationsOf(this.#attachment);
  readonly #made: boolean = joined().made;
  #header: Int32Array = this.#attachment.region.header;
  /** Set when this object leaves; until then, the block table knows the count. */
  #lastBlockCount: number | undefined = undefined;
  readonly #onDestroyed: () => void = MemPool.#endLater(new WeakRef(this));

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
    this.#attachment.addMember(this.#onDestroyed);
    const dropped = { attachment: this.#attachment, member: this.#onDestroyed };
    if (this.#attachment.tracker !== undefined) collected.register(this, dropped, this);
  }

  /**
   * Makes a pool, in a time that does not grow with `size`: the system gives memory as blocks are first used.
   *
   * @param size Bytes that blocks may occupy, up to 2^47; what is no whole block at the end is left out.
   * @param defaultBlockSize Bytes of a block, less than `size`; rounded up to a multiple of `options.alignment`.
   * @param options See {@linkcode MemPoolOptions}.
   * @returns The pool; disposing of it destroys it.
   * @throws {TypeError | RangeError} An argument is not of its type, not a positive safe integer, or out of its bounds.
   * @throws {MemPoolError} "map-failed": the system refused; "library": the native library cannot be loaded.
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
   * Joins a pool from any worker of the process that made it, that one too.
   *
   * @param handle The pool's `handle`, as it arrived by `postMessage`.
   * @returns A pool object of its own; disposing of it closes it.
   * @throws {MemPoolError} "unknown-pool", "format-mismatch", "destroyed", "library", "too-many-workers": over 128,
   * "lock-timeout": a worker is in the middle of something for too long, "unsupported": the system refuses its barrier.
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
   * Bytes that blocks can occupy now: `blockCount * blockSize`. Never throws, as the other properties but `buffer`.
   */
  get size(): number {
    return this.blockCount * this.#blockSize;
  }

  /** Bytes of a block: `defaultBlockSize`, rounded up to a multiple of the pool's alignment. */
  get blockSize(): number {
    return this.#blockSize;
  }

  /** Number of blocks that there are now, or that there were last. */
  get blockCount(): number {
    return this.#lastBlockCount ?? this.#attachment.region.table.blockCount;
  }

  /** Whether the pool has been destroyed, as far as this object can know: not after its `close`. */
  get destroyed(): boolean {
    return this.#header[STATE] === DESTROYED;
  }

  /** Plain data to post to other workers of this process, for {@linkcode MemPool.attach}. */
  get handle(): MemPoolHandle {
    return this.#attachment.handle;
  }

  /**
   * The whole data area as it is now: offset o of {@linkcode MemPool.allocOffset} is index o of it. Fetch it again when the
   * pool may have grown. It is never a block. Empty once the pool is destroyed or this object closed.
   *
   * @throws {MemPoolError} "unsupported": the area is longer than this runtime's buffers can be (4 GiB on Bun).
   */
  get buffer(): ArrayBuffer {
    return isLive(this.#header) ? this.#operations.buffer() : new ArrayBuffer(0);
  }

  /**
   * Allocates a block, or the fewest adjacent blocks that fit. Contents are unspecified. A single block takes no lock
   * most of the time. Before it returns `null`, it takes back what all workers have cached.
   *
   * @param numBytes A whole number from 1 up.
   * @returns A buffer of exactly `numBytes`, or `null` when no run of free blocks fits.
   * @throws {TypeError | RangeError} `numBytes` is not a number, or not a whole one from 1 up.
   * @example A pool that is exhausted
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * assertEquals(pool.alloc(1000)?.byteLength, 1000); // all 16 blocks
   * assertEquals(pool.alloc(1), null);
   * ```
   */
  alloc(numBytes: number): ArrayBuffer | null {
    const number = this.#cache.take(numBytes);
    return number < 0 ? allocSlowly(this, numBytes) : this.#buffers.over(number, numBytes);
  }

  /**
   * As `alloc`, but waits where that would return `null`: for a block that this worker or another one frees. Requests of all
   * workers are served in the order in which they came; a larger one is not passed by smaller ones. While any wait, every
   * call of any worker takes the lock. A worker that waits is woken by a message, and does not look for itself.
   *
   * @param numBytes A whole number from 1 up.
   * @param options `signal`: gives the request up when it is aborted; then the promise rejects with the signal's reason.
   * @returns A buffer of exactly `numBytes`. All errors come as a rejection.
   * @throws {RangeError} The pool could never hold so many bytes, even if it were empty and as large as `maxSize`.
   * @throws {MemPoolError} "destroyed", "closed", also while waiting; "unsupported": 16,384 requests wait already, or the
   * runtime is Deno before 2.9 and it would have to wait.
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
   * As `alloc`, with every byte 0: time proportional to the length, except for what of a run was never used.
   *
   * @param numMembers A whole number from 1 up.
   * @param size Bytes of each, a whole number from 1 up.
   * @returns A buffer of `numMembers * size` bytes, or `null` when no run of free blocks fits.
   * @throws {RangeError} The product exceeds 2^53.
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
   * Changes a block's length, up or down, keeping its contents up to the shorter one: in place where the blocks after
   * it allow, otherwise by moving it, which takes time proportional to its length.
   *
   * @param block A block of this pool. It is no longer the caller's once a buffer is returned.
   * @param numBytes A whole number from 1 up.
   * @returns The buffer to use from now on, or `null` when there is no room: then `block` is untouched and valid.
   * @throws {MemPoolError} "double-free": the block is not allocated; "foreign-block": it is none of this pool's.
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
   * Gives a block back. When several workers free one block at the same moment, exactly one succeeds.
   *
   * @param block What `alloc` returned, here or in another worker, or a view on it.
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
   * Allocates several blocks, or none. Takes time proportional to their number.
   *
   * @param count How many, a whole number from 0 up.
   * @param numBytes Bytes of each, a whole number from 1 up.
   * @returns The buffers, or `null` when they do not all fit.
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
   * Gives several blocks back, or none: all are validated first, and one that is named twice is a double free. Takes
   * time proportional to their number. Example: {@linkcode MemPool.allocMany}.
   *
   * @param blocks Blocks of this pool, each once.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  freeMany(blocks: Iterable<Block>): void {
    const given = this.#live("free").listOf(blocks);
    // Again: iterating has run the caller's code.
    this.#live("free").freeMany(given);
  }

  /** Whether this is an allocated block of this pool: one that `free` would take. Example: {@linkcode MemPool.at}. */
  owns(block: Block): boolean {
    return this.#live("check ownership").owns(block);
  }

  /**
   * A block's distance from the start of the data in bytes, the same number in every worker. The block becomes this
   * worker's. Example: {@linkcode MemPool.at}.
   *
   * @throws {MemPoolError} "double-free": the block is not allocated; "foreign-block": it is none of this pool's.
   */
  offsetOf(block: Block): number {
    return this.#live("locate").offsetOf(block);
  }

  /**
   * This worker's buffer over the block at an offset, of the length that was asked for when it was allocated. The block
   * becomes this worker's.
   *
   * @param offset From `offsetOf` or the offset tier, in any worker.
   * @throws {MemPoolError} "double-free": the block is not allocated; "foreign-block": no block starts there.
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
   * `alloc` without an object: for records at offsets of `buffer`.
   *
   * @param numBytes A whole number from 1 up.
   * @returns The offset of the block's first byte in the data, or -1 when no run of free blocks fits.
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

  /** `calloc` without an object; returns an offset, or -1. Example: {@linkcode MemPool.allocOffset}. */
  callocOffset(numMembers: number, size: number): number {
    return this.#live("allocate").callocOffset(numMembers, size);
  }

  /**
   * `realloc` without an object. Example: {@linkcode MemPool.allocOffset}.
   *
   * @returns The offset to use from now on, or -1 when there is no room: then `offset` remains valid.
   */
  reallocOffset(offset: number, numBytes: number): number {
    return this.#live("reallocate").reallocOffset(offset, numBytes);
  }

  /**
   * `free` without an object. Example: {@linkcode MemPool.allocOffset}.
   *
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  freeOffset(offset: number): void {
    if (!this.#cache.giveAt(offset)) this.#live("free").freeOffset(offset);
  }

  /**
   * `alloc` for an array of numbers. The array covers its buffer, starts where its elements are aligned, and is given back
   * by `free(array)`.
   *
   * @param type `Float64Array` or another {@linkcode TypedArrayConstructor}.
   * @param length Elements, a whole number from 1 up.
   * @returns The array, its contents unspecified, or `null` when no run of free blocks fits.
   * @throws {TypeError | RangeError} `type` is none of them, `length` no such number, or the array exceeds 2^53 bytes.
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
    this.#live("allocate");
    const buffer = this.alloc(bytesOfArray(type, length));
    return buffer === null ? null : arrayOver(type, buffer);
  }

  /**
   * `alloc` for `using`: the block is freed where the scope ends, also by an error. {@linkcode Lease} says what becomes of
   * blocks that are moved, freed or posted before.
   *
   * @param numBytes A whole number from 1 up.
   * @returns What has the block as its `buffer`, or `null` when no run of free blocks fits.
   * @example For as long as a scope
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
    const buffer = this.alloc(numBytes);
    return buffer === null ? null : new BlockLease(this, buffer);
  }

  /**
   * Takes back what workers had cached or allocated that have ended without `close`: by an error, by their own doing, or
   * terminated. A block belongs to the worker that last allocated or reallocated it, or called `at` or `offsetOf` on it.
   * Takes time proportional to the number of runs, under the lock.
   *
   * @returns How many blocks that were.
   * @example Nothing to take back
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { MemPool } from "mempool";
   * using pool = MemPool.init(1024, 64);
   * pool.alloc(64); // this worker lives, and so what it holds stays its own
   * assertEquals(pool.reap(), 0);
   * ```
   */
  reap(): number {
    return this.#live("reap").reap();
  }

  /**
   * Gives the memory of free blocks back to the system, by whole pages; blocks that workers have cached are made free first.
   * Takes time proportional to the number of runs and to what goes back, under the lock for some milliseconds at a time.
   * The system gives memory again when blocks are used: zeros, which `calloc` knows.
   *
   * @returns How many bytes of blocks went back.
   * @example After a rush
   * ```ts
   * import { assert, assertEquals } from "@std/assert";
   * import { MEGABYTE, MemPool } from "mempool";
   * using pool = MemPool.init(4 * MEGABYTE, 4096);
   * const block = pool.alloc(MEGABYTE)!;
   * new Uint8Array(block).fill(1);
   * pool.free(block);
   * assert(pool.trim() >= 1_000_000);
   * assertEquals(pool.trim(), 0); // nothing is left to give
   * ```
   */
  trim(): number {
    return this.#live("trim").trim();
  }

  /**
   * This object leaves the pool, and with its last object the worker does; the pool and its blocks live on. Does
   * nothing the second time. Example: {@linkcode MemPool.attach}.
   */
  close(): void {
    if (this.#hasClosed()) return;
    if (this.#header[STATE] === DESTROYED) return this.#attachment.leaveDestroyed();
    this.#end(CLOSED);
    // The cache of a worker that leaves is closed. Where other objects stay, this one must not use it any more.
    if (!this.#attachment.removeMember(this.#onDestroyed)) this.#cache = closed(CLOSED).cache;
  }

  /**
   * Ends the pool in every worker: memory goes back to the system at once, each later call throws "destroyed", and a
   * buffer still held reads as whatever, but never faults. Does nothing the second time, and after `close`.
   * @example End
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

  /** `destroy` where the pool was made, `close` where it was attached. */
  [Symbol.dispose](): void {
    if (this.#made) this.destroy();
    else this.close();
  }

  /**
   * Counts the pool, under the lock: what other workers just take from or give to their caches may count either way.
   * Takes time proportional to the number of runs. Example: {@linkcode MemPoolStats}.
   */
  stats(): MemPoolStats {
    return this.#live("collect statistics").stats();
  }

  /**
   * What is still allocated in a checked pool, by any worker, oldest first. Takes time proportional to the number of runs.
   * Example: {@linkcode LeakInfo}.
   *
   * @throws {MemPoolError} "unsupported": the pool was made without `checked: true`.
   */
  leaks(): LeakInfo[] {
    return this.#live("list leaks").leaks();
  }

  /**
   * Walks everything and tests the invariants of docs/design.md, under the lock: for tests. Takes time proportional to
   * the number of blocks ever used.
   *
   * @throws {MemPoolError} "corrupt": names the first invariant that is broken.
   */
  check(): void {
    this.#live("check the pool").check();
  }

  /**
   * Every run of the pool in order of address, as it is now: the entries tile the data, without a hole and without an
   * overlap, also while other workers go on. What they just take from or give to their caches may count either way. The
   * lock is held while the runs are noted, eight bytes each, which takes time proportional to their number; the entries
   * are made one by one as they are asked for. Example: {@linkcode BlockInfo}.
   *
   * @returns The runs. It can be iterated any number of times, and at any time: it does not change any more.
   */
  blocks(): Iterable<BlockInfo> {
    return this.#live("list blocks").blocks();
  }

  static #join(attachment: Attachment, made: boolean): MemPool {
    joining = { attachment, made };
    try {
      return new MemPool();
    } finally {
      joining = undefined;
    }
  }

  /** For the attachment, which must not keep a pool object alive that its user has dropped. */
  static #endLater(pool: WeakRef<MemPool>): () => void {
    return () => {
      const object = pool.deref();
      if (object !== undefined) object.#end(DESTROYED);
    };
  }

  #end(state: typeof CLOSED | typeof DESTROYED): void {
    this.#lastBlockCount ??= this.blockCount;
    collected.unregister(this);
    this.#header = closed(state).header;
    this.#attachment.allocator.waiters.rejectOf(this, endError("allocate", state));
  }

  #summary(levels: unknown, inspection?: Inspection): string {
    const state = this.#header[STATE];
    const end = state === CLOSED ? "closed" : state === DESTROYED ? "destroyed" : undefined;
    const region = end ?? this.#attachment.region;
    return summaryOf({ blockSize: this.#blockSize, blockCount: this.blockCount, region }, levels, inspection);
  }

  #live(action: string): Operations {
    if (isLive(this.#header)) return this.#operations.begin();
    if (this.#hasClosed()) throw endError(action, CLOSED);
    if (this.#header[STATE] === DESTROYED) this.#attachment.leaveDestroyed();
    throw stateError(action, this.#header[STATE]!);
  }

  /** Trusts CLOSED only in this object's own private header: the region's may say anything, by accident. */
  #hasClosed(): boolean {
    return this.#header[STATE] === CLOSED && this.#header !== this.#attachment.region.header;
  }
}

function joined(): Joining {
  if (joining !== undefined) return joining;
  throw new TypeError("Cannot construct MemPool: use MemPool.init or MemPool.attach");
}

function endError(action: string, state: typeof CLOSED | typeof DESTROYED): MemPoolError {
  return state === CLOSED
    ? new MemPoolError("closed", `Cannot ${action}: this pool object is closed`)
    : stateError(action, state);
}

// In functions of their own, or with the fast paths V8 would have too many bytecodes to inline them all.

function allocSlowly(pool: MemPool, numBytes: number): ArrayBuffer | null {
  return liveOperations(pool, "allocate").alloc(numBytes);
}

function freeSlowly(pool: MemPool, block: Block): void {
  liveOperations(pool, "free").free(block);
}
