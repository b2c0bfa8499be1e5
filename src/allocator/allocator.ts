import type { Wakeup } from "../runtime/wakeup.ts";
import { BlockCache } from "../cache/block_cache.ts";
import type { Mapping, Native } from "../runtime/native.ts";
import { Server } from "./serve.ts";
import { type Hooks, NO_HOOKS } from "./hooks.ts";
import {
  ALLOCATED,
  ALLOCS,
  CACHED_BLOCKS,
  EXHAUSTED,
  FREE,
  FREES,
  LIVE,
  NONE,
  RELEASING,
  STATE,
  TAG,
} from "../region/layout.ts";
import type { Lock } from "./lock.ts";
import { Waiters } from "./waiters.ts";
import { Resizer } from "./resize.ts";
import { RunCache } from "../cache/run_cache.ts";
import { Sections } from "./sections.ts";
import type { WorkerSlots } from "../region/worker_slots.ts";
import { Heap } from "./heap.ts";
import { allocatedState, type BlockTable, isAllocated, makeTag, stateOf } from "../region/block_table.ts";
import { broken } from "../region/validate.ts";
import { Trimmer } from "./trim.ts";
import type { Region } from "../region/region.ts";
import type { ZeroMap } from "../region/zero_map.ts";

/** What a worker does with blocks, by their numbers: its cache first, then the lock around the runs. */
export class Allocator {
  /** The worker's cache, for what needs no lock. */
  declare readonly cache: BlockCache;
  /** The same for short runs. */
  declare readonly runCache: RunCache;
  /** What this worker waits for. */
  declare readonly requests: Waiters;
  declare private readonly mapping: Mapping;
  declare private readonly header: Int32Array;
  declare private readonly counters: Float64Array;
  declare private readonly table: BlockTable;
  declare private readonly zeroed: ZeroMap;
  declare private readonly slots: WorkerSlots;
  declare private readonly sections: Sections;
  declare private readonly heap: Heap;
  declare private readonly resizer: Resizer;
  declare private readonly trimmer: Trimmer;
  declare private readonly slot: number;
  declare private readonly worker: number;
  declare private readonly blockSize: number;
  declare private readonly caching: boolean;
  /** Of what the last critical section handed out, the blocks from this one up were zero. Only known inside of it. */
  private dirtyEnd = 0;

  constructor(
    native: Native,
    mapping: Mapping,
    region: Region,
    lock: Lock,
    wakeup: Wakeup,
    slot: number,
    worker: number,
  ) {
    this.mapping = mapping;
    this.header = region.header;
    this.counters = region.counters;
    this.table = region.table;
    this.zeroed = region.zeroed;
    this.slots = region.slots;
    this.blockSize = region.blockSize;
    this.caching = region.header[CACHED_BLOCKS] !== 0;
    this.worker = worker;
    this.slot = slot;
    this.heap = new Heap(native, mapping, region, slot, worker);
    const server = new Server(native, region, this.heap, wakeup, worker);
    this.sections = new Sections(lock, region.slots, server, slot);
    this.requests = new Waiters(region, this.sections, this.heap, server, wakeup, worker);
    this.resizer = new Resizer(mapping, region, this.sections, this.heap, slot, worker);
    this.trimmer = new Trimmer(mapping, region);
    this.cache = new BlockCache(mapping, region, slot, worker);
    this.runCache = new RunCache(this.cache, mapping, region, slot, worker);
  }

  /** Hands out the fewest adjacent blocks that hold so many bytes, if not one of the cache; NONE when no free run does. */
  allocate(bytes: number, hooks = NO_HOOKS): number {
    const kept = this.runCache.take(bytes);
    return kept === NONE ? this.allocateShared(bytes, hooks) : kept;
  }

  /** As `allocate`, all bytes 0. What is zero already, as the system gave it, is not touched. */
  allocateZeroed(bytes: number, hooks = NO_HOOKS): number {
    let block = this.cache.take(bytes);
    let dirtyEnd = this.table.capacity;
    if (block === NONE) block = this.runCache.take(bytes);
    if (block === NONE) {
      block = this.allocateShared(bytes, hooks);
      dirtyEnd = this.dirtyEnd;
    }
    if (block !== NONE) {
      const offset = block * this.blockSize;
      const length = Math.min(bytes, dirtyEnd * this.blockSize - offset);
      if (length > 0) this.mapping.zero(offset, length);
    }
    return block;
  }

  /** Frees a run that `cache` did not take. Says whether it was allocated: of several that try, one succeeds. */
  free(block: number): boolean {
    if (this.runCache.give(block)) return true;
    this.sections.enter("free");
    try {
      const freed = this.freeLocked(block);
      this.sections.leave();
      return freed;
    } catch (error) {
      throw this.sections.abandon(error);
    }
  }

  /** Makes an allocated run free that is counted already, or not to be. */
  freeUncounted(block: number): void {
    this.sections.run("free", () => this.heap.freeRun(block));
  }

  /** Gives up what this worker has cached, and its slot. Throws when the lock is not to be had. */
  leave(): void {
    this.sections.run("close", () => {
      this.heap.refiller.flushAll();
      this.slots.leave(this.slot);
    });
  }

  /** Takes back what workers left behind that have died, as far as `guard` lets it; returns how many blocks that were. */
  reap(hooks = NO_HOOKS): number {
    return this.sections.run("reap", () => this.heap.reaper.reap(hooks));
  }

  /** Gives the memory of free blocks back to the system, those that are cached too; returns how many bytes that were. */
  trim(): number {
    this.sections.run("trim", () => this.heap.gather());
    let bytes = 0;
    for (let block = 0; block !== NONE;) {
      // Some at a time: others wait for the lock.
      block = this.sections.run("trim", () => {
        const next = this.trimmer.trim(block);
        bytes += this.trimmer.bytes;
        return next;
      });
    }
    return bytes;
  }

  /**
   * Makes an allocated run hold so many bytes, its contents kept: where it lies, or else elsewhere. Returns its first
   * block, NONE when there is no room, or NOT_ALLOCATED.
   */
  resize(block: number, bytes: number, hooks = NO_HOOKS): number {
    return this.resizer.resize(block, bytes, hooks);
  }

  /** Makes this worker the owner of an allocated run. Returns the bytes that were asked for, 0 when it is not one. */
  adopt(action: string, block: number): number {
    const bytes = this.table.adopt(block, this.worker);
    if (bytes !== 0 && this.table.hasExactLength(block, this.blockSize)) return bytes;
    return this.underLock(action, () => {
      this.heap.validate(block);
      return this.table.adopt(block, this.worker);
    });
  }

  /** Whether this is the first block of an allocated run. */
  isAllocated(action: string, block: number): boolean {
    const look = (): boolean => isAllocated(this.table.loadTag(block));
    return look() || this.underLock(action, look);
  }

  /** Hands out `count` runs, or none: then returns undefined. */
  allocateMany(count: number, bytes: number, hooks = NO_HOOKS): Int32Array | undefined {
    // Before: what could throw has no place in a critical section.
    const blocks = new Int32Array(Math.min(count, this.table.capacity));
    return this.sections.run("allocate", () => {
      if (!this.heap.hasRoom(count, bytes)) {
        this.counters[EXHAUSTED]!++;
        return undefined;
      }
      this.counters[ALLOCS]! += count;
      for (let taken = 0; taken < count; taken++) {
        blocks[taken] = this.heap.take(bytes);
        if (blocks[taken] === NONE) throw broken("I4", `the lists hold room for ${taken} of ${count} runs`);
        hooks.allocated(blocks[taken]!);
      }
      return blocks;
    });
  }

  /** Frees all of these runs, or none: then returns the place of the first that is not allocated, else NONE. */
  freeMany(blocks: readonly number[], hooks = NO_HOOKS): number {
    const tags = new Int32Array(blocks.length);
    return this.sections.run("free", () => {
      const refused = this.claimAll(blocks, tags, hooks);
      if (refused === NONE) this.releaseAll(blocks, hooks);
      else this.unclaim(blocks, tags, refused);
      return refused;
    });
  }

  /**
   * Looks under the lock. `freeMany` may hold an allocated run for a moment and give it back, and a pool that is being
   * destroyed has none any more: only here is "no" the truth.
   */
  private underLock<T>(action: string, look: () => T): T {
    return this.sections.run(action, look);
  }

  private allocateShared(bytes: number, hooks: Hooks): number {
    this.sections.enter("allocate");
    try {
      const block = this.allocateLocked(bytes, hooks);
      if (block === NONE) this.counters[EXHAUSTED]!++;
      this.sections.leave();
      return block;
    } catch (error) {
      throw this.sections.abandon(error);
    }
  }

  private allocateLocked(bytes: number, hooks: Hooks): number {
    this.dirtyEnd = this.zeroed.highWater;
    if (bytes <= this.blockSize && this.caching && this.header[STATE] === LIVE) {
      this.heap.refiller.refill(this.settleRoom());
      const block = this.cache.take(bytes);
      if (block !== NONE) return block;
    }
    const block = this.heap.take(bytes);
    if (block === NONE) return NONE;
    this.dirtyEnd = this.zeroed.dirtyEnd;
    this.counters[ALLOCS]!++;
    hooks.allocated(block);
    return block;
  }

  private freeLocked(block: number): boolean {
    if (this.caching && stateOf(this.table.loadTag(block)) === ALLOCATED) {
      this.heap.refiller.flush(this.settleRoom());
      if (this.cache.give(block)) return true;
    }
    if (!this.heap.freeRun(block)) return false;
    this.counters[FREES]!++;
    return true;
  }

  /** Room for single blocks in this worker's cache, before it is filled or drained. */
  private settleRoom(): number {
    this.heap.refiller.flushIdleRuns();
    return this.cache.settleRoom();
  }

  /** Claims each run; one that is named twice is not allocated the second time. Returns where it stopped, or NONE. */
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
      // The pool is corrupt. Or whoever comes next would free what is claimed.
      this.unclaim(blocks, tags, place);
      throw error;
    }
  }

  private unclaim(blocks: readonly number[], tags: Int32Array, count: number): void {
    for (let place = 0; place < count; place++) this.table.set(blocks[place]!, TAG, tags[place]!);
  }

  private releaseAll(blocks: readonly number[], hooks: Hooks): void {
    for (const block of blocks) {
      const leaves = hooks.leaves(block, "freed");
      this.table.set(block, TAG, leaves ? FREE : makeTag(allocatedState(this.table.length(block)), this.worker));
      if (leaves) this.heap.coalesce(block);
    }
    this.counters[FREES]! += blocks.length;
  }
}
