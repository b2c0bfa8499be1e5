import { BlockCache } from "../cache/block_cache.ts";
import { CacheSize } from "../cache/cache_size.ts";
import { RunCache } from "../cache/run_cache.ts";
import type { Worker } from "../cache/worker.ts";
import { allocatedState, type BlockTable, isAllocated, makeTag, stateOf, workerOf } from "../region/block_table.ts";
import type { Depot } from "../region/depot.ts";
import {
  ALLOCATED,
  ALLOCS,
  CACHED_BLOCKS,
  DESCRIPTOR_SHIFT,
  EXHAUSTED,
  FREE,
  FREES,
  LIVE,
  NONE,
  RELEASING,
  STATE,
  TAG,
} from "../region/layout.ts";
import { MemPoolError } from "../base/errors.ts";
import { broken, isInTable, validHighWater } from "../region/validate.ts";
import type { WorkerSlots } from "../region/worker_slots.ts";
import type { Mapping } from "../runtime/native.ts";
import type { Wakeup } from "../runtime/wakeup.ts";
import { Heap } from "./heap.ts";
import { type Hooks, NO_HOOKS } from "./hooks.ts";
import { Journal } from "./journal.ts";
import { Lock } from "./lock.ts";
import { type Prepare, Resizer } from "./resize.ts";
import { Server } from "./serve.ts";
import { Trimmer } from "./trim.ts";
import { Waiters } from "./waiters.ts";

/**
 * A worker's operations on blocks, by their numbers: first through its caches, then through the heap under the lock.
 */
export class Allocator {
  /** This worker's cache of single blocks. It needs no lock. */
  declare readonly cache: BlockCache;
  /** This worker's cache of short runs. */
  declare readonly runCache: RunCache;
  declare private readonly cacheSize: CacheSize;
  declare readonly lock: Lock;
  /** What the present call has allocated. A call clears it when it returns what it allocated. */
  declare readonly journal: Journal;
  /** The requests of this worker that wait for blocks. */
  declare readonly waiters: Waiters;
  declare private readonly mapping: Mapping;
  declare private readonly header: Int32Array;
  declare private readonly counters: Float64Array;
  declare private readonly table: BlockTable;
  declare private readonly slots: WorkerSlots;
  declare private readonly depot: Depot;
  declare private readonly heap: Heap;
  declare private readonly resizer: Resizer;
  declare private readonly trimmer: Trimmer;
  declare private readonly slot: number;
  declare private readonly number: number;
  declare private readonly blockSize: number;
  declare private readonly caching: boolean;
  /** Called with the number of blocks that were freed and did not go into this worker's cache, or have left it. */
  onFreed: (blocks: number) => void = () => {};
  /** Whether the present `free` or `freeMany` has passed the point from which it cannot fail any more. */
  private hasFreed = false;

  constructor(worker: Worker, wakeup: Wakeup) {
    const { mapping, region, slot, number } = worker;
    this.mapping = mapping;
    this.header = region.header;
    this.counters = region.counters;
    this.table = region.table;
    this.slots = region.slots;
    this.depot = region.depot;
    this.blockSize = region.blockSize;
    this.caching = region.header[CACHED_BLOCKS] !== 0;
    this.number = number;
    this.slot = slot;
    this.journal = new Journal();
    this.heap = new Heap(worker, this.journal);
    const server = new Server(worker, this.heap, wakeup);
    this.lock = new Lock(worker, server);
    this.waiters = new Waiters(worker, this.lock, this.heap, this.journal, server, wakeup);
    this.resizer = new Resizer(worker, this.lock, this.heap);
    this.trimmer = new Trimmer(mapping, region);
    this.cache = new BlockCache(worker);
    this.runCache = new RunCache(worker, this.cache);
    this.cacheSize = new CacheSize(worker, this.cache, this.heap.refiller);
  }

  /**
   * Hands out the fewest adjacent blocks that hold so many bytes, or returns NONE. The caller has tried `cache` before.
   */
  allocate(bytes: number, hooks: Hooks = NO_HOOKS): number {
    const kept = this.runCache.take(bytes);
    if (kept === NONE) return this.allocateShared(bytes, hooks);
    this.journal.allocated = kept;
    return kept;
  }

  /**
   * As `allocate`, with every byte 0. Tries `cache` itself. Zeroes only what lies below high water: blocks from there
   * up have never been handed out or cached, so they hold the zeros that the system delivered.
   */
  allocateZeroed(bytes: number, hooks: Hooks = NO_HOOKS): number {
    let block = this.cache.take(bytes);
    if (block === NONE) block = this.runCache.take(bytes);
    let highWater = this.table.capacity;
    if (block === NONE) {
      block = this.lock.run("allocate", () => {
        highWater = validHighWater(this.header);
        return this.allocateLocked(bytes, hooks);
      });
    }
    if (block === NONE) return NONE;
    this.journal.allocated = block;
    const offset = block * this.blockSize;
    const length = Math.min(bytes, highWater * this.blockSize - offset);
    if (length > 0) this.mapping.zero(offset, length);
    return block;
  }

  /** Frees a run that `cache` refused. Returns whether it was allocated: of several workers that try, one succeeds. */
  free(block: number): boolean {
    if (this.runCache.give(block) || this.freeWithoutLock(block)) return true;
    this.hasFreed = false;
    this.lock.enter("free");
    try {
      const freed = this.freeLocked(block);
      this.lock.leave();
      return freed;
    } catch (error) {
      // The block is free already, and the recovery of the next section completes the rest: this free has not failed.
      const isFree = this.hasFreed && !(error instanceof MemPoolError);
      try {
        this.lock.unlock();
      } catch (fullStack) {
        // This thread keeps the lock until its next section, which begins with the recovery.
        if (!isFree) throw fullStack;
      }
      if (isFree) return true;
      throw error;
    }
  }

  /** Frees an allocated run without counting it in the statistics. */
  freeUncounted(block: number): void {
    this.lock.run("free", () => this.heap.freeRun(block));
  }

  /** Makes everything free that this worker has cached, and gives up its slot. Throws if it cannot get the lock. */
  leave(): void {
    this.freeUndelivered("close");
    this.lock.run("close", () => {
      this.heap.refiller.flushAll();
      this.slots.leave(this.slot);
    });
  }

  /** Takes back everything that this worker has cached or allocated, except what `hooks` keep, and gives up its slot. */
  yield(hooks: Hooks): void {
    this.lock.run("open", () => this.heap.reaper.takeBack(this.slot, hooks));
  }

  /** Takes back what dead workers left behind, except what `hooks` keep. Returns the number of blocks. */
  reap(hooks: Hooks = NO_HOOKS): number {
    return this.lock.run("reap", () => this.heap.reaper.reap(hooks));
  }

  /** Gives the memory of free and cached blocks back to the system. Returns how many resident bytes went back. */
  trim(): number {
    this.lock.run("trim", () => this.heap.gather());
    let bytes = 0;
    for (let block = 0; block !== NONE;) {
      // A critical section for each step, so that other workers get the lock in between.
      const step = this.lock.run("trim", () => this.trimmer.trim(block));
      bytes += step.bytes;
      block = step.next;
    }
    return bytes;
  }

  /**
   * Makes an allocated run hold so many bytes and keeps its contents, in place or elsewhere. Returns its first block,
   * NONE if there is no room, or NOT_ALLOCATED.
   */
  resize(block: number, bytes: number, hooks: Hooks = NO_HOOKS, prepare: Prepare = () => {}): number {
    return this.resizer.resize(block, bytes, hooks, prepare);
  }

  /** Makes this worker the owner of an allocated run. Returns the bytes asked for, 0 if the run is not allocated. */
  adopt(action: string, block: number): number {
    const bytes = this.table.adopt(block, this.number);
    if (bytes !== 0 && this.table.hasExactLength(block, this.blockSize)) return bytes;
    return this.lock.run(action, () => {
      this.heap.validate(block);
      return this.table.adopt(block, this.number);
    });
  }

  /**
   * Whether this is the first block of an allocated run. A "no" is reliable only under the lock: `freeMany` may claim a
   * run for a moment and give it back, and a pool that is being destroyed has no allocated runs any more.
   */
  isAllocated(action: string, block: number): boolean {
    const look = (): boolean => isAllocated(this.table.loadTag(block));
    return look() || this.lock.run(action, look);
  }

  /** Hands out `count` runs, or hands out none and returns undefined. */
  allocateMany(count: number, bytes: number, hooks: Hooks = NO_HOOKS): Int32Array | undefined {
    // Before the critical section, because this throws if memory is short.
    const blocks = new Int32Array(Math.min(count, this.table.capacity)).fill(NONE);
    return this.lock.run("allocate", () => {
      if (!this.heap.hasRoom(count, bytes)) {
        this.counters[EXHAUSTED]!++;
        return undefined;
      }
      this.journal.allocatedMany = blocks;
      for (let taken = 0; taken < count; taken++) {
        blocks[taken] = this.cache.take(bytes);
        if (blocks[taken] === NONE) blocks[taken] = this.allocateLocked(bytes, hooks);
        if (blocks[taken] === NONE) throw broken("I4", `the free lists have room for ${taken} of ${count} runs`);
      }
      return blocks;
    });
  }

  /**
   * Frees all of these runs and returns NONE, or frees none and returns the place of the first that is not allocated.
   */
  freeMany(blocks: readonly number[], hooks: Hooks = NO_HOOKS): number {
    const tags = new Int32Array(blocks.length);
    this.hasFreed = false;
    try {
      return this.lock.run("free", () => {
        const refused = this.claimAll(blocks, tags, hooks);
        if (refused === NONE) this.freeClaimed(blocks, hooks);
        else this.unclaim(blocks, tags, refused);
        return refused;
      });
    } catch (error) {
      if (this.hasFreed && !(error instanceof MemPoolError)) return NONE; // as in `free`
      throw error;
    }
  }

  /** Frees what earlier calls of this worker had allocated when they threw. Called before any other operation. */
  freeUndelivered(action: string): void {
    const { allocated, allocatedMany } = this.journal;
    const { undelivered } = this.cache;
    if (allocated === NONE && allocatedMany === undefined && undelivered === NONE) return;
    this.lock.run(action, () => {
      for (const block of [...(allocatedMany ?? []), allocated, undelivered]) this.freeOwn(block);
    });
    this.cache.resume();
    this.journal.allocated = NONE;
    this.journal.allocatedMany = undefined;
  }

  private freeOwn(block: number): void {
    if (!isInTable(this.table, block)) return;
    const tag = this.table.loadTag(block);
    if (isAllocated(tag) && workerOf(tag) === this.number && this.heap.freeRun(block)) this.counters[FREES]!++;
  }

  private allocateShared(bytes: number, hooks: Hooks): number {
    this.lock.enter("allocate");
    try {
      const block = this.allocateLocked(bytes, hooks);
      this.lock.leave();
      return block;
    } catch (error) {
      this.lock.unlock();
      throw error;
    }
  }

  private allocateLocked(bytes: number, hooks: Hooks): number {
    if (bytes <= this.blockSize && this.caching && this.header[STATE] === LIVE) {
      this.cacheSize.refill();
      const block = this.cache.take(bytes);
      if (block !== NONE) {
        this.journal.allocated = block;
        return block;
      }
    }
    const block = this.heap.take(bytes);
    if (block === NONE) {
      this.counters[EXHAUSTED]!++;
      return NONE;
    }
    this.counters[ALLOCS]!++;
    hooks.allocated(block);
    return block;
  }

  private freeLocked(block: number): boolean {
    if (this.caching && stateOf(this.table.loadTag(block)) === ALLOCATED) {
      const flushed = this.cacheSize.makeRoom();
      if (flushed > 0) this.onFreed(flushed);
      if (this.cache.give(block)) {
        this.hasFreed = true;
        return true;
      }
    }
    if (this.heap.claim(block, FREE) === 0) return false;
    this.hasFreed = true;
    this.counters[FREES]!++;
    const length = this.table.length(block);
    this.heap.coalesce(block);
    this.onFreed(length);
    return true;
  }

  /** Frees a single block although the cache is full and another worker has the lock, if the cache may become larger. */
  private freeWithoutLock(block: number): boolean {
    if (!this.caching || stateOf(this.table.loadTag(block)) !== ALLOCATED) return false;
    return this.cacheSize.enlargeIfLocked() && this.cache.give(block);
  }

  /**
   * Claims each run, or stops at the place that it returns. A run that is named twice is not allocated the second time.
   */
  private claimAll(blocks: readonly number[], tags: Int32Array, hooks: Hooks): number {
    let place = 0;
    try {
      for (; place < blocks.length; place++) {
        if (!hooks.isNamed(blocks[place]!, place)) return place;
        tags[place] = this.heap.claim(blocks[place]!, RELEASING);
        if (tags[place] === 0) return place;
      }
      return NONE;
    } catch (error) {
      // A recovery would free the runs that are claimed, so they are given back first. A call might fail if the stack is full.
      const { words } = this.table;
      for (let claimed = 0; claimed < place; claimed++) words[blocks[claimed]! << DESCRIPTOR_SHIFT] = tags[claimed]!;
      throw error;
    }
  }

  /** Gives the first `count` runs their tags back. */
  private unclaim(blocks: readonly number[], tags: Int32Array, count: number): void {
    for (let place = 0; place < count; place++) this.table.set(blocks[place]!, TAG, tags[place]!);
  }

  /** What `hooks` keep stays allocated, and becomes this worker's. */
  private freeClaimed(blocks: readonly number[], hooks: Hooks): void {
    this.hasFreed = true;
    this.counters[FREES]! += blocks.length;
    // A request that waits is served from the free runs.
    const defers = this.caching && this.header[STATE] === LIVE;
    const room = this.cache.updateRoom();
    let freed = 0;
    for (const block of blocks) {
      const length = this.table.length(block);
      if (!hooks.leaves(block, "freed")) this.table.set(block, TAG, makeTag(allocatedState(length), this.number));
      else if (defers && length === 1) {
        if (this.heap.refiller.keep(block, room)) continue;
        this.depot.push(block);
      } else {
        this.table.set(block, TAG, FREE);
        this.heap.coalesce(block);
      }
      freed += length;
    }
    this.onFreed(freed);
  }
}
