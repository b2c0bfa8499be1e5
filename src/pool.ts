import type { Addressing } from "./addressing.ts";
import { Attachment } from "./attachment.ts";
import { type Blocks, NOT_ALLOCATED } from "./blocks.ts";
import type { Buffers } from "./buffers.ts";
import { checkInvariants } from "./check.ts";
import { MemPoolError } from "./errors.ts";
import { CLOSED, DESTROYED, LIVE, NONE, STATE } from "./layout.ts";
import {
  checkBlocks,
  checkCount,
  checkFromZero,
  type MemPoolHandle,
  type MemPoolOptions,
  productOf,
  settingsFrom,
} from "./options.ts";
import { collectStats, type MemPoolStats } from "./stats.ts";

/** What the pool hands out: an ArrayBuffer, or any view on it, which stands for its `.buffer`. */
export type Block = ArrayBuffer | ArrayBufferView;

// What a pool object reads for a header once its worker has left the pool: the region is no longer its to look at.
const CLOSED_HEADER = new Int32Array(STATE + 1).fill(CLOSED, STATE);
const DESTROYED_HEADER = new Int32Array(STATE + 1).fill(DESTROYED, STATE);

/**
 * A pool of fixed-size blocks in one region of native memory, shared by all workers of the process. Every method may
 * be called from any worker at any time; a block itself is its holder's to guard.
 *
 * Unless it says otherwise, a method throws `MemPoolError` "destroyed" or "closed" once the pool is destroyed or this
 * object closed, "lock-timeout" when another worker does not leave its critical section, and takes constant time.
 *
 * @example Allocate, use, free
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MEGABYTE, MemPool } from "../mod.ts";
 *
 * using pool = MemPool.init(64 * MEGABYTE, 256);
 * const block = pool.alloc(200)!;
 * assertEquals(block.byteLength, 200);
 * new Uint8Array(block).fill(7);
 * pool.free(block);
 * ```
 */
export class MemPool implements Disposable {
  readonly #attachment: Attachment;
  readonly #blocks: Blocks;
  readonly #buffers: Buffers;
  readonly #addressing: Addressing;
  readonly #blockSize: number;
  readonly #blockCount: number;
  /** Whether disposing of this object ends the pool, or only this worker's part in it. */
  readonly #made: boolean;
  #header: Int32Array;
  readonly #onDestroyed = (): void => {
    this.#header = DESTROYED_HEADER;
  };

  private constructor(attachment: Attachment, made: boolean) {
    this.#attachment = attachment;
    this.#blocks = attachment.blocks;
    this.#buffers = attachment.buffers;
    this.#addressing = attachment.addressing;
    this.#blockSize = attachment.views.blockSize;
    this.#blockCount = attachment.views.table.blockCount;
    this.#header = attachment.views.header;
    this.#made = made;
    attachment.addMember(this.#onDestroyed);
  }

  /**
   * Makes a pool. Memory is reserved, and taken from the system as blocks are first used, so that the time does not
   * grow with `size`.
   *
   * @param size Bytes that blocks may occupy, up to 2^47; what is no whole block at the end is left out.
   * @param defaultBlockSize Bytes of a block, less than `size`; rounded up to a multiple of `options.alignment`.
   * @param options See {@linkcode MemPoolOptions}.
   * @returns The pool; disposing of it destroys it.
   * @throws {TypeError} An argument is not of its type.
   * @throws {RangeError} A number is not a positive safe integer, or out of its bounds.
   * @throws {MemPoolError} "map-failed": the system refused; "library": the native library cannot be loaded.
   */
  static init(size: number, defaultBlockSize: number, options?: MemPoolOptions): MemPool {
    return new MemPool(Attachment.create(settingsFrom(size, defaultBlockSize, options)), true);
  }

  /**
   * Joins a pool from any worker of the process that made it, that one too.
   *
   * @param handle The pool's `handle`, as it arrived by `postMessage`.
   * @returns A pool object of its own; disposing of it closes it.
   * @throws {TypeError} This is no handle.
   * @throws {MemPoolError} "unknown-pool", "format-mismatch", "destroyed" or "too-many-workers".
   */
  static attach(handle: MemPoolHandle): MemPool {
    return new MemPool(Attachment.open(handle), false);
  }

  /** Bytes that blocks can occupy: `blockCount * blockSize`. */
  get size(): number {
    return this.#blockCount * this.#blockSize;
  }

  /** Bytes of a block. */
  get blockSize(): number {
    return this.#blockSize;
  }

  /** Number of blocks. */
  get blockCount(): number {
    return this.#blockCount;
  }

  /** Whether the pool has been destroyed, as far as this object can know: not after its `close`. */
  get destroyed(): boolean {
    return this.#header[STATE] === DESTROYED;
  }

  /** Plain data to post to other workers, for `MemPool.attach`. */
  get handle(): MemPoolHandle {
    return this.#attachment.handle;
  }

  /**
   * The whole data area: offset o of the offset tier is index o of it. It is never a block. Empty once the pool is
   * destroyed or this object closed.
   *
   * @throws {MemPoolError} "unsupported": the area is longer than this runtime's buffers can be (4 GiB on Bun).
   */
  get buffer(): ArrayBuffer {
    if (this.#header[STATE] !== LIVE) return new ArrayBuffer(0);
    this.#checkBufferLength("make a buffer over the pool", this.size);
    return this.#buffers.whole(this.size);
  }

  /**
   * Allocates a block, or the fewest adjacent blocks that fit. Contents are unspecified.
   *
   * @param numBytes A whole number from 1 up.
   * @returns A buffer of exactly `numBytes`, or `null` when no run of free blocks fits.
   * @throws {TypeError} `numBytes` is not a number.
   * @throws {RangeError} `numBytes` is not a whole number from 1 up.
   */
  alloc(numBytes: number): ArrayBuffer | null {
    this.#checkLive("allocate");
    checkCount("allocate", "numBytes", numBytes);
    this.#checkBufferLength("allocate", numBytes);
    return this.#over(this.#blocks.allocate(numBytes), numBytes);
  }

  /**
   * As `alloc`, with every byte 0. Memory that was never used is zero already, and is not touched.
   *
   * @param numMembers A whole number from 1 up.
   * @param size Bytes of each, a whole number from 1 up.
   * @returns A buffer of `numMembers * size` bytes, or `null` when no run of free blocks fits.
   * @throws {RangeError} As `alloc`, and where the product exceeds 2^53.
   */
  calloc(numMembers: number, size: number): ArrayBuffer | null {
    this.#checkLive("allocate");
    const numBytes = productOf("allocate", numMembers, size);
    this.#checkBufferLength("allocate", numBytes);
    return this.#over(this.#blocks.allocateZeroed(numBytes), numBytes);
  }

  /**
   * Changes a block's length, up or down, keeping its contents up to the shorter one: in place where the blocks after
   * it allow, otherwise by moving it, which takes time proportional to its length.
   *
   * @param block A block of this pool. It is no longer the caller's once a buffer is returned.
   * @param numBytes A whole number from 1 up.
   * @returns The buffer to use from now on, or `null` when there is no room: then `block` is untouched and valid.
   * @throws {MemPoolError} "double-free": the block is not allocated; "foreign-block": it is none of this pool's.
   */
  realloc(block: Block, numBytes: number): ArrayBuffer | null {
    this.#checkLive("reallocate");
    const number = this.#addressing.ofBuffer("reallocate", block);
    checkCount("reallocate", "numBytes", numBytes);
    this.#checkBufferLength("reallocate", numBytes);
    return this.#over(this.#resize(number, numBytes, block), numBytes);
  }

  /**
   * Gives a block back. When several workers free one block at the same moment, exactly one succeeds.
   *
   * @param block What `alloc` returned, here or in another worker, or a view on it.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  free(block: Block): void {
    this.#checkLive("free");
    const number = this.#addressing.ofBuffer("free", block);
    if (number === NONE || !this.#blocks.free(number)) this.#addressing.refuseFree(number, block);
  }

  /**
   * Allocates several blocks, or none.
   *
   * @param count How many, a whole number from 0 up.
   * @param numBytes Bytes of each, a whole number from 1 up.
   * @returns The buffers, or `null` when they do not all fit. Takes time proportional to `count`.
   */
  allocMany(count: number, numBytes: number): ArrayBuffer[] | null {
    this.#checkLive("allocate");
    checkFromZero("allocate", "count", count);
    checkCount("allocate", "numBytes", numBytes);
    this.#checkBufferLength("allocate", numBytes);
    const blocks = this.#blocks.allocateMany(count, numBytes);
    return blocks === undefined ? null : Array.from(blocks, (block) => this.#buffers.over(block, numBytes));
  }

  /**
   * Gives several blocks back, or none: all are validated first, and one that is named twice is a double free. Takes
   * time proportional to their number.
   *
   * @param blocks Blocks of this pool, each once.
   * @throws {TypeError} This is no iterable of blocks.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  freeMany(blocks: Iterable<Block>): void {
    this.#checkLive("free");
    const given = checkBlocks("free", blocks);
    this.#checkLive("free"); // again: iterating runs the caller's code
    const numbers = given.map((block) => this.#addressing.ofBuffer("free", block));
    const foreign = numbers.indexOf(NONE);
    const refused = foreign === NONE ? this.#blocks.freeMany(numbers) : foreign;
    if (refused !== NONE) this.#addressing.refuseFree(numbers[refused]!, given[refused]);
  }

  /**
   * Whether this is an allocated block of this pool: one that `free` would take.
   *
   * @throws {TypeError} `block` is neither an ArrayBuffer nor a view.
   */
  owns(block: Block): boolean {
    this.#checkLive("look for");
    return this.#addressing.isAllocated(this.#addressing.ofBuffer("look for", block));
  }

  /**
   * A block's distance from the start of the data in bytes, the same number in every worker. The block becomes this
   * worker's, which is what `reap` goes by.
   *
   * @throws {MemPoolError} "double-free": the block is not allocated; "foreign-block": it is none of this pool's.
   */
  offsetOf(block: Block): number {
    this.#checkLive("locate");
    const number = this.#addressing.ofBuffer("locate", block);
    return this.#addressing.adopt("locate", number, block) * this.#blockSize;
  }

  /**
   * This worker's buffer over the block at an offset, of the length that was asked for when it was allocated. The block
   * becomes this worker's.
   *
   * @param offset From `offsetOf` or the offset tier, in any worker.
   * @throws {RangeError} `offset` is not a whole number from 0 up.
   * @throws {MemPoolError} "double-free": the block is not allocated; "foreign-block": no block starts there.
   */
  at(offset: number): ArrayBuffer {
    this.#checkLive("look at");
    const number = this.#addressing.adopt("look at", this.#addressing.ofOffset("look at", offset), offset);
    const numBytes = this.#attachment.views.table.requested(number);
    this.#checkBufferLength("look at", numBytes);
    return this.#buffers.over(number, numBytes);
  }

  /**
   * `alloc` without an object: for records at offsets of `buffer`.
   *
   * @returns The offset of the block's first byte in the data, or -1 when no run of free blocks fits.
   * @throws {RangeError} `numBytes` is not a whole number from 1 up.
   */
  allocOffset(numBytes: number): number {
    this.#checkLive("allocate");
    checkCount("allocate", "numBytes", numBytes);
    return this.#offsetAt(this.#blocks.allocate(numBytes));
  }

  /** `calloc` without an object; returns an offset, or -1. */
  callocOffset(numMembers: number, size: number): number {
    this.#checkLive("allocate");
    return this.#offsetAt(this.#blocks.allocateZeroed(productOf("allocate", numMembers, size)));
  }

  /** `realloc` without an object; returns the offset to use from now on, or -1, and then `offset` remains valid. */
  reallocOffset(offset: number, numBytes: number): number {
    this.#checkLive("reallocate");
    const number = this.#addressing.ofOffset("reallocate", offset);
    checkCount("reallocate", "numBytes", numBytes);
    return this.#offsetAt(this.#resize(number, numBytes, offset));
  }

  /**
   * `free` without an object.
   *
   * @throws {RangeError} `offset` is not a whole number from 0 up.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  freeOffset(offset: number): void {
    this.#checkLive("free");
    const number = this.#addressing.ofOffset("free", offset);
    if (number === NONE || !this.#blocks.free(number)) this.#addressing.refuseFree(number, offset);
  }

  /** Counts the pool, exactly, while others wait. Takes time proportional to the number of runs. */
  stats(): MemPoolStats {
    this.#checkLive("count");
    return this.#attachment.lock.inspect("count the pool", () => collectStats(this.#attachment.views));
  }

  /**
   * Walks everything and tests the invariants of docs/design.md, while others wait. Takes time proportional to the
   * number of blocks ever used.
   *
   * @throws {MemPoolError} "corrupt": names the first invariant that is broken.
   */
  check(): void {
    this.#checkLive("check");
    this.#attachment.lock.inspect("check the pool", () => checkInvariants(this.#attachment.views));
  }

  /** This object leaves the pool, and with its last object the worker does; the pool and its blocks live on. */
  close(): void {
    if (this.#header[STATE] === CLOSED) return;
    if (this.#header[STATE] === DESTROYED) return this.#attachment.leaveDestroyed();
    this.#header = CLOSED_HEADER;
    this.#attachment.removeMember(this.#onDestroyed);
  }

  /**
   * Ends the pool in every worker: memory goes back to the system at once, each later call throws "destroyed", and a
   * buffer still held reads as whatever, but never faults. Does nothing if it is destroyed already.
   */
  destroy(): void {
    if (this.#header[STATE] !== CLOSED) this.#attachment.destroy();
  }

  /** `destroy` where the pool was made, `close` where it was attached. */
  [Symbol.dispose](): void {
    if (this.#made) this.destroy();
    else this.close();
  }

  #over(number: number, numBytes: number): ArrayBuffer | null {
    return number === NONE ? null : this.#buffers.over(number, numBytes);
  }

  #offsetAt(number: number): number {
    return number === NONE ? NONE : number * this.#blockSize;
  }

  #resize(number: number, numBytes: number, name: unknown): number {
    const target = number === NONE ? NOT_ALLOCATED : this.#blocks.resize(number, numBytes);
    if (target === NOT_ALLOCATED) throw this.#addressing.refusal("reallocate", number, name);
    return target;
  }

  #checkLive(action: string): void {
    if (this.#header[STATE] !== LIVE) throw this.#ended(action);
  }

  #ended(action: string): MemPoolError {
    if (this.#header[STATE] === CLOSED) {
      return new MemPoolError("closed", `Cannot ${action}: this worker closed the pool`);
    }
    this.#attachment.leaveDestroyed();
    return new MemPoolError("destroyed", `Cannot ${action}: the pool is destroyed`);
  }

  /** More than the pool holds is no error but exhaustion, whatever the runtime's limit. */
  #checkBufferLength(action: string, numBytes: number): void {
    const limit = this.#attachment.maxBufferBytes;
    if (numBytes > limit && numBytes <= this.size) {
      throw new MemPoolError("unsupported", `Cannot ${action}: a buffer holds at most ${limit} bytes, not ${numBytes}`);
    }
  }
}
