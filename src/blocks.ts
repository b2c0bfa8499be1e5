import { WorkerCache } from "./cache.ts";
import type { Native, Region } from "./ffi/native.ts";
import { classOf, type FreeLists } from "./free_lists.ts";
import {
  ALLOCATED,
  ALLOCS,
  CACHED_BLOCKS,
  EXHAUSTED,
  FIRST_LEVELS,
  FREE,
  FREES,
  HIGH_WATER,
  NONE,
  RELEASING,
  SECOND_LEVELS,
  TAG,
} from "./layout.ts";
import type { Lock } from "./lock.ts";
import type { Runs } from "./runs.ts";
import type { Slots } from "./slots.ts";
import { Supply } from "./supply.ts";
import { type BlockTable, isAllocated, makeTag, stateOf } from "./table.ts";
import type { Views } from "./views.ts";

/** What `resize` says instead of a block when there is nothing to resize. */
export const NOT_ALLOCATED = -2;

/** What a worker does with blocks, by their numbers: its cache first, then the lock around the runs. */
export class Blocks {
  /** The worker's cache, for what needs no lock. */
  readonly cache: WorkerCache;
  readonly #region: Region;
  readonly #header: Int32Array;
  readonly #counters: Float64Array;
  readonly #table: BlockTable;
  readonly #lists: FreeLists;
  readonly #runs: Runs;
  readonly #slots: Slots;
  readonly #lock: Lock;
  readonly #supply: Supply;
  readonly #slot: number;
  readonly #worker: number;
  readonly #blockSize: number;
  readonly #caching: boolean;
  /**
   * HIGH_WATER as the last critical section that allocated found it: what lies below may have been handed out before.
   * Read outside of one, it would be too low where another worker uses and frees a block in between.
   */
  #dirtyBefore = 0;
  /** Bytes in the run that `resize` moves, read under the lock: later, a descriptor may be that of a free run. */
  #contents = 0;

  constructor(native: Native, region: Region, views: Views, lock: Lock, slot: number, worker: number) {
    this.#region = region;
    this.#header = views.header;
    this.#counters = views.counters;
    this.#table = views.table;
    this.#lists = views.lists;
    this.#runs = views.runs;
    this.#slots = views.slots;
    this.#blockSize = views.blockSize;
    this.#caching = views.header[CACHED_BLOCKS] !== 0;
    this.#lock = lock;
    this.cache = new WorkerCache(region, views, slot, worker);
    this.#supply = new Supply(native, views, slot, worker);
    this.#slot = slot;
    this.#worker = worker;
  }

  /** Hands out the fewest adjacent blocks that hold so many bytes, which the cache could not; NONE when no free run does. */
  allocate(bytes: number): number {
    this.#enter("allocate");
    try {
      const block = this.#allocateLocked(bytes);
      if (block === NONE) this.#counters[EXHAUSTED]!++;
      this.#lock.leave();
      return block;
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  /** As `allocate`, all bytes 0. What was never handed out is zero already and is not touched. */
  allocateZeroed(bytes: number): number {
    let block = this.cache.take(bytes);
    let dirty = this.#table.blockCount;
    if (block === NONE) {
      block = this.allocate(bytes);
      dirty = this.#dirtyBefore;
    }
    if (block !== NONE) {
      const offset = block * this.#blockSize;
      const length = Math.min(bytes, dirty * this.#blockSize - offset);
      if (length > 0) this.#region.zero(offset, length);
    }
    return block;
  }

  /** Frees a run that the cache did not take. Says whether it was allocated: of several that try, one succeeds. */
  free(block: number): boolean {
    this.#enter("free");
    try {
      const freed = this.#freeLocked(block);
      this.#lock.leave();
      return freed;
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  /** Gives up what this worker has cached, and its slot. Throws when the lock is not to be had. */
  leave(): void {
    this.#enter("close");
    try {
      this.#supply.flush();
      this.#slots.leave(this.#slot);
      this.#lock.leave();
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  /**
   * Makes an allocated run hold so many bytes, its contents kept: where it lies, or else elsewhere. Returns its first
   * block, NONE when there is no room, or NOT_ALLOCATED.
   */
  resize(block: number, bytes: number): number {
    if (this.#resizeSingle(block, bytes)) return block;
    const target = this.#resizeOrFind(block, bytes);
    if (target === NONE) return this.#slideDown(block, bytes);
    if (target !== block && target !== NOT_ALLOCATED) this.#moveOut(block, target);
    return target;
  }

  /**
   * Makes this worker the owner of an allocated run; says whether it is one. "No" is said under the lock: `freeMany` may
   * hold the run for a moment, and give it back, and a pool that is being destroyed has no allocated runs any more.
   */
  adopt(block: number): boolean {
    if (this.#adoptNow(block)) return true;
    this.#enter("look at");
    try {
      const adopted = this.#adoptNow(block);
      this.#lock.leave();
      return adopted;
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  /** Hands out `count` runs, or none: then returns undefined. */
  allocateMany(count: number, bytes: number): Int32Array | undefined {
    const length = this.#lengthFor(bytes);
    if (count * length > this.#table.blockCount) {
      this.#countExhausted();
      return undefined;
    }
    const blocks = new Int32Array(count);
    this.#enter("allocate");
    try {
      const room = this.#hasRoom(count, length);
      if (room) this.#takeAll(blocks, length, bytes);
      this.#counters[room ? ALLOCS : EXHAUSTED]! += room ? count : 1;
      this.#lock.leave();
      return room ? blocks : undefined;
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  /** Frees all of these runs, or none: then returns the place of the first that is not allocated, else NONE. */
  freeMany(blocks: readonly number[]): number {
    const tags = new Int32Array(blocks.length);
    this.#enter("free");
    try {
      const refused = this.#claimAll(blocks, tags);
      if (refused === NONE) this.#releaseAll(blocks);
      else this.#unclaim(blocks, tags, refused);
      this.#lock.leave();
      return refused;
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  /** Begins a critical section. What the cache has seen until now is told before anything changes. */
  #enter(action: string): void {
    this.#lock.enter(action);
    this.#slots.settle(this.#slot);
  }

  #allocateLocked(bytes: number): number {
    this.#dirtyBefore = this.#header[HIGH_WATER]!;
    if (bytes <= this.#blockSize && this.#caching) {
      this.#supply.refill();
      const block = this.cache.take(bytes);
      if (block !== NONE) return block;
    }
    const block = this.#take(bytes);
    if (block !== NONE) this.#counters[ALLOCS]!++;
    return block;
  }

  #freeLocked(block: number): boolean {
    if (this.#caching && stateOf(this.#table.loadTag(block)) === ALLOCATED) {
      this.#supply.drain();
      if (this.cache.give(block)) return true;
    }
    if (this.#claim(block, FREE) === 0) return false;
    this.#runs.release(block);
    this.#counters[FREES]!++;
    return true;
  }

  #lengthFor(bytes: number): number {
    return Math.ceil(bytes / this.#blockSize);
  }

  /** Blocks from the free runs; when they are exhausted, with what all workers have cached. */
  #take(bytes: number): number {
    const length = this.#lengthFor(bytes);
    if (length > this.#table.blockCount) return NONE;
    let block = this.#runs.allocate(length, bytes, this.#worker);
    if (block === NONE && this.#caching && this.#supply.recall()) {
      block = this.#runs.allocate(length, bytes, this.#worker);
    }
    this.#slots.settle(this.#slot);
    return block;
  }

  /** Whether so many runs of this length are free, with what all workers have cached if need be. */
  #hasRoom(count: number, length: number): boolean {
    return this.#fits(count, length) || (this.#caching && this.#supply.recall() && this.#fits(count, length));
  }

  /** Counted, and not tried: a block that is taken and given back would be seen, and could be freed, by other workers. */
  #fits(count: number, length: number): boolean {
    for (let index = classOf(length); count > 0 && index < FIRST_LEVELS * SECOND_LEVELS; index++) {
      for (let block = this.#lists.head(index); count > 0 && block !== NONE; block = this.#table.next(block)) {
        count -= Math.floor(this.#table.length(block) / length);
      }
    }
    return count <= 0;
  }

  /** Fills `blocks` with runs that fit. */
  #takeAll(blocks: Int32Array, length: number, bytes: number): void {
    for (let taken = 0; taken < blocks.length; taken++) {
      blocks[taken] = this.#runs.allocate(length, bytes, this.#worker);
    }
    this.#slots.settle(this.#slot);
  }

  #countExhausted(): void {
    this.#enter("allocate");
    this.#counters[EXHAUSTED]!++;
    this.#lock.leave();
  }

  /**
   * Turns the tag of an allocated run to this state, in one step that only one worker can win. Returns the tag before, or
   * 0 when the run is not allocated.
   */
  #claim(block: number, state: number): number {
    for (let tag = this.#table.loadTag(block); isAllocated(tag); tag = this.#table.loadTag(block)) {
      if (this.#table.exchangeTag(block, tag, state)) return tag;
    }
    return 0;
  }

  /** Claims each run; one that is named twice is not allocated the second time. Returns where it stopped, or NONE. */
  #claimAll(blocks: readonly number[], tags: Int32Array): number {
    for (let place = 0; place < blocks.length; place++) {
      tags[place] = this.#claim(blocks[place]!, RELEASING);
      if (tags[place] === 0) return place;
    }
    return NONE;
  }

  #unclaim(blocks: readonly number[], tags: Int32Array, count: number): void {
    for (let place = 0; place < count; place++) this.#table.set(blocks[place]!, TAG, tags[place]!);
  }

  #releaseAll(blocks: readonly number[]): void {
    for (const block of blocks) {
      this.#table.set(block, TAG, FREE);
      this.#runs.release(block);
    }
    this.#counters[FREES]! += blocks.length;
  }

  #adoptNow(block: number): boolean {
    // Another worker may adopt it at the same moment: then the tag has changed, and the block is as good.
    for (let tag = this.#table.loadTag(block); isAllocated(tag); tag = this.#table.loadTag(block)) {
      const mine = makeTag(stateOf(tag), this.#worker);
      if (tag === mine || this.#table.exchangeTag(block, tag, mine)) return true;
    }
    return false;
  }

  /** A single block that stays one needs no lock. */
  #resizeSingle(block: number, bytes: number): boolean {
    const tag = this.#table.loadTag(block);
    if (stateOf(tag) !== ALLOCATED || bytes > this.#blockSize || !this.#adoptNow(block)) return false;
    this.#table.setRequested(block, bytes);
    return true;
  }

  /** The same run, another one that is long enough, NONE or NOT_ALLOCATED. */
  #resizeOrFind(block: number, bytes: number): number {
    this.#enter("reallocate");
    try {
      const target = this.#resizeLocked(block, bytes);
      this.#lock.leave();
      return target;
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  #resizeLocked(block: number, bytes: number): number {
    if (!isAllocated(this.#table.loadTag(block))) return NOT_ALLOCATED;
    const length = this.#lengthFor(bytes);
    if (length > this.#table.blockCount) return NONE;
    if (this.#resizeInPlace(block, length, bytes)) return block;
    this.#contents = this.#table.requested(block);
    const elsewhere = this.#take(bytes);
    if (elsewhere !== NONE) return elsewhere;
    // What had been cached until just now may lie behind the block.
    return this.#resizeInPlace(block, length, bytes) ? block : NONE;
  }

  #resizeInPlace(block: number, length: number, bytes: number): boolean {
    const resized = this.#runs.resize(block, length, bytes, this.#worker);
    this.#slots.settle(this.#slot);
    return resized;
  }

  /** Both runs are this worker's, so the copying needs no lock. */
  #moveOut(from: number, to: number): void {
    this.#region.move(to * this.#blockSize, from * this.#blockSize, this.#contents);
    this.#enter("reallocate");
    try {
      if (this.#claim(from, FREE) !== 0) this.#runs.release(from);
      this.#lock.leave();
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  /** The last resort of `resize`: down into the free run before, overlapping where it lies now. */
  #slideDown(block: number, bytes: number): number {
    this.#enter("reallocate");
    try {
      const target = this.#slideLocked(block, bytes);
      if (target === NONE) this.#counters[EXHAUSTED]!++;
      this.#lock.leave();
      return target;
    } catch (error) {
      throw this.#lock.abandon(error);
    }
  }

  #slideLocked(block: number, bytes: number): number {
    const length = this.#lengthFor(bytes);
    if (length > this.#table.blockCount) return NONE;
    if (!isAllocated(this.#table.loadTag(block))) return NOT_ALLOCATED;
    const first = this.#runs.roomAround(block, length);
    if (first === NONE) return NONE;
    const before = this.#table.requested(block);
    // A single block may have been freed this moment, without the lock.
    if (this.#claim(block, FREE) === 0) return NOT_ALLOCATED;
    this.#runs.release(block);
    this.#runs.allocateAt(first, length, bytes, this.#worker);
    this.#region.move(first * this.#blockSize, block * this.#blockSize, before);
    return first;
  }
}
