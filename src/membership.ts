import { Attachment } from "./attachment.ts";
import type { BlockCache } from "./cache/block_cache.ts";
import { ended } from "./closed.ts";
import { MemPoolError } from "./base/errors.ts";
import { CLOSED, DESTROYED, STATE } from "./region/layout.ts";
import { Operations } from "./operations.ts";
import { CheckedOperations } from "./checked_operations.ts";
import type { MemPoolHandle } from "./options.ts";
import { isLive, stateError } from "./region/validate.ts";
import type { Region } from "./region/region.ts";

/** The operations of a pool that this object may still use; throws "closed" or "destroyed". Not for users. */
export let liveOperations: (membership: Membership, action: string) => Operations;

/** This worker's attachment, for the fast paths. Not for users. */
export let attachmentOf: (membership: Membership) => Attachment;

/** The region of a pool that this object belongs to, or why there is none; undefined for any other object. Not for users. */
export let regionOf: (object: object) => Region | "closed" | "destroyed" | undefined;

interface Dropped {
  readonly attachment: Attachment;
  readonly member: () => void;
}

/** Objects of checked pools that were dropped without `close` or `destroy`: what they leak is told, and they leave. */
const collected = new FinalizationRegistry<Dropped>(({ attachment, member }) => {
  attachment.dropMember(member);
});

/**
 * The part of a {@linkcode MemPool} that is about belonging to a pool: what it is, leaving it, ending it, and taking back
 * what others left behind. Users have it through `MemPool`.
 *
 * @example How a pool ends
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool } from "mempool";
 *
 * const pool = MemPool.init(1024, 64);
 * const joined = MemPool.attach(pool.handle);
 * joined.close();
 * assertEquals([pool.destroyed, pool.size, pool.blockSize, pool.blockCount], [false, 1024, 64, 16]);
 * pool.destroy();
 * assertEquals(pool.destroyed, true);
 * ```
 */
export class Membership implements Disposable {
  readonly #attachment: Attachment;
  readonly #operations: Operations;
  /** Whether disposing of this object ends the pool, or only this worker's part in it. */
  readonly #made: boolean;
  readonly #blockSize: number;
  /** Once this object has left; before, the table knows. */
  #lastBlockCount: number | undefined;
  readonly #leaveAlone: (cache: BlockCache) => void;
  #header: Int32Array;
  readonly #onDestroyed: () => void;

  static {
    liveOperations = (membership, action) => membership.#live(action);
    attachmentOf = (membership) => membership.#attachment;
    regionOf = (object) => #header in object ? object.#region() : undefined;
  }

  /** For `MemPool` only; `leaveAlone` takes the cache that it has from then on. */
  protected constructor(attachment: Attachment, made: boolean, leaveAlone: (cache: BlockCache) => void) {
    if (!Attachment.is(attachment)) {
      throw new TypeError("Cannot construct MemPool: use MemPool.init or MemPool.attach");
    }
    this.#attachment = attachment;
    this.#operations = attachment.tracker === undefined
      ? new Operations(attachment)
      : new CheckedOperations(attachment, attachment.tracker);
    this.#made = made;
    this.#blockSize = attachment.region.blockSize;
    this.#leaveAlone = leaveAlone;
    this.#header = attachment.region.header;
    this.#onDestroyed = Membership.#endLater(new WeakRef(this));
    attachment.addMember(this.#onDestroyed);
    if (attachment.tracker !== undefined) collected.register(this, { attachment, member: this.#onDestroyed }, this);
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
    if (!this.#attachment.removeMember(this.#onDestroyed)) this.#leaveAlone(ended(CLOSED).cache);
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

  /** The attachment calls it, and must not keep a pool object alive that its user has dropped. */
  static #endLater(membership: WeakRef<Membership>): () => void {
    return () => {
      const object = membership.deref();
      if (object !== undefined) object.#end(DESTROYED);
    };
  }

  #end(state: typeof CLOSED | typeof DESTROYED): void {
    this.#lastBlockCount ??= this.blockCount;
    collected.unregister(this);
    this.#header = ended(state).header;
    this.#attachment.allocator.requests.rejectOf(this, endError("allocate", state));
  }

  #region(): Region | "closed" | "destroyed" {
    if (this.#header[STATE] === CLOSED) return "closed";
    return this.destroyed ? "destroyed" : this.#attachment.region;
  }

  #live(action: string): Operations {
    if (isLive(this.#header)) return this.#operations.begin();
    if (this.#hasClosed()) throw endError(action, CLOSED);
    if (this.#header[STATE] === DESTROYED) this.#attachment.leaveDestroyed();
    throw stateError(action, this.#header[STATE]!);
  }

  /** By whose header it is too: the region's may say anything, by accident. */
  #hasClosed(): boolean {
    return this.#header[STATE] === CLOSED && this.#header !== this.#attachment.region.header;
  }
}

function endError(action: string, state: typeof CLOSED | typeof DESTROYED): MemPoolError {
  return state === CLOSED
    ? new MemPoolError("closed", `Cannot ${action}: this worker closed the pool`)
    : stateError(action, state);
}
