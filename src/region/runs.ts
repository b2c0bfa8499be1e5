import { IN_DEPOT } from "./depot.ts";
import type { MemPoolError } from "../base/errors.ts";
import type { FreeLists } from "./free_lists.ts";
import {
  ALLOCATED_RUN,
  BLOCK_COUNT,
  BLOCK_COUNT_TURNED,
  BLOCK_SIZE,
  CACHED,
  COALESCED,
  DEPOT_TOP,
  FREE,
  FREE_BLOCKS,
  HAS_BARRIER,
  HIGH_WATER,
  INTERIOR,
  LENGTH,
  LINE_BLOCKS,
  LONGEST_SHORT_RUN,
  NONE,
  PLAIN_CLAIMS,
  RELEASING,
  TAG,
} from "./layout.ts";
import { allocatedState, type BlockTable, isCachedAs, makeTag, stateOf, workerOf } from "./block_table.ts";
import { broken, validLength } from "./validate.ts";
import type { ZeroMap } from "./zero_map.ts";

/** Runs that are looked at for one that suits: with the lock held, so not all that there are. */
const LOOKS = 16;

/**
 * Runs: allocate, release, resize, with split and immediate coalescing. Constant time for any length. The caller
 * holds the lock.
 *
 * Every change becomes true by one store, to a tag or to a length, and what it needs is prepared before where no walk
 * comes: inside of a run. So a walk by lengths from block 0 is right after every store, also when the worker dies
 * between two of them. Lists, ends of free runs and counters are derived, and `rebuild` makes them again.
 */
export class Runs {
  declare private readonly header: Int32Array;
  declare private readonly counters: Float64Array;
  declare private readonly table: BlockTable;
  declare private readonly lists: FreeLists;
  declare private readonly blockSize: number;
  declare private readonly hasBarrier: number;
  declare private readonly zeroed: ZeroMap;

  constructor(header: Int32Array, counters: Float64Array, table: BlockTable, lists: FreeLists, zeroed: ZeroMap) {
    this.header = header;
    this.counters = counters;
    this.table = table;
    this.lists = lists;
    this.blockSize = counters[BLOCK_SIZE]!;
    this.hasBarrier = header[HAS_BARRIER]!;
    this.zeroed = zeroed;
  }

  /** Makes the whole table one free run. */
  format(): void {
    this.lists.clear();
    this.table.describeFree(0, this.table.blockCount);
    this.lists.insert(0, this.table.blockCount);
    this.header[FREE_BLOCKS] = this.table.blockCount;
  }

  /** Adds free blocks up to the one before `end`, which no walk has come to. The store of their number makes them be there. */
  extend(end: number): void {
    const first = this.table.blockCount;
    this.table.describeFree(first, end - first);
    this.header[BLOCK_COUNT] = end;
    this.header[BLOCK_COUNT_TURNED] = ~end;
    this.coalesce(first);
  }

  /** Hands out `length` blocks at the start of the free run at `first`, which is at least as long. */
  allocateAt(first: number, length: number, requested: number, worker: number): void {
    const table = this.table;
    const found = table.length(first);
    if (found < length || found > table.blockCount - first) throw unfit(first, found);
    this.lists.remove(first, found);
    if (found > length) this.split(first, found, length);
    this.zeroed.use(first, first + length);
    table.markAllocated(first, length, requested, worker);
    this.header[FREE_BLOCKS]! -= length;
  }

  /**
   * A free run to cut single blocks off for a worker, or NONE. A short one, so that long ones stay; where some are, one that
   * the worker does not contest with others.
   */
  findSingle(worker: number): number {
    const table = this.table;
    return this.lists.findShortest(LOOKS, (block) => {
      const length = validLength(table, block);
      if (length >= 2 * LINE_BLOCKS) return true;
      return !table.isContested(block, worker) && !table.isContested(block + length - 1, worker);
    });
  }

  /** Turns the first `count` blocks of the free run at `first`, which is at least as long, into a worker's cached ones. */
  cacheAt(first: number, count: number, worker: number): void {
    const table = this.table;
    const length = validLength(table, first);
    this.lists.remove(first, length);
    this.zeroed.use(first, first + count);
    if (length > count) table.describeFree(first + count, length - count);
    const tag = makeTag(CACHED, worker);
    for (let block = first + count - 1; block > first; block--) table.describeCached(block, tag);
    // Two stores that each leave the table true: the run is cut into single blocks, then its first is cached too.
    table.set(first, LENGTH, 1);
    table.describeCached(first, tag);
    if (length > count) this.lists.insert(first + count, length - count);
    this.header[FREE_BLOCKS]! -= count;
  }

  /** Takes back the run at `block`, whose tag the caller has just turned to FREE, and joins it with its neighbours. */
  coalesce(block: number): void {
    const table = this.table;
    let length = validLength(table, block);
    this.header[FREE_BLOCKS]! += length;
    const right = table.freeRunAt(block + length);
    if (right !== NONE) length = this.absorb(block, length, right);
    const left = this.freeRunBefore(block);
    if (left !== NONE) {
      this.lists.remove(left, block - left);
      length += block - left;
      block = left;
      table.set(block, LENGTH, length);
      this.counters[COALESCED]!++;
    }
    table.markFreeEnd(block, length);
    this.lists.insert(block, length);
  }

  /** Changes the length of an allocated run where it lies; says whether there was room. */
  resize(block: number, length: number, requested: number, worker: number): boolean {
    const table = this.table;
    const before = validLength(table, block);
    if (length > before + this.roomBehind(block, before)) return false;
    // Another worker may free a short run by mistake this moment, without the lock, but no longer one.
    if (before <= LONGEST_SHORT_RUN && table.claim(block, makeTag(ALLOCATED_RUN, worker)) === 0) return false;
    if (length > before) this.grow(block, before, length);
    if (length < before) this.shrink(block, before, length);
    table.setRequested(block, requested);
    table.set(block, TAG, makeTag(allocatedState(length), worker));
    return true;
  }

  /**
   * Where the run at `block` could become `length` blocks long by moving down into the free run before it: that run's
   * first block, or NONE.
   */
  roomAround(block: number, length: number): number {
    const table = this.table;
    const left = this.freeRunBefore(block);
    if (left === NONE) return NONE;
    const end = block + validLength(table, block);
    return end - left + this.roomBehind(block, end - block) >= length ? left : NONE;
  }

  /**
   * Makes everything derived again from tags and lengths of first blocks: after an owner of the lock died, or was
   * thrown out of a critical section. Returns false when the lengths do not tile the table.
   */
  rebuild(): boolean {
    const table = this.table;
    const end = table.blockCount;
    this.lists.clear();
    this.zeroed.repair();
    this.header[DEPOT_TOP] = 0;
    // Whoever ended them may not have come to the barrier.
    this.header[PLAIN_CLAIMS] = this.hasBarrier;
    let freeBlocks = 0;
    let block = 0;
    while (block < end) {
      const length = this.repairRun(block);
      if (length === 0) return false;
      if (table.isFree(block)) freeBlocks += length;
      block += length;
    }
    this.header[FREE_BLOCKS] = freeBlocks;
    // The runs tile them, so that is how many there are.
    this.header[BLOCK_COUNT_TURNED] = ~end;
    return true;
  }

  /** First block of the free run that ends right before `block`, or NONE. */
  private freeRunBefore(block: number): number {
    const table = this.table;
    const left = table.freeRunBefore(block);
    if (left === NONE) return NONE;
    if (table.isFree(left) && left + table.length(left) === block) return left;
    throw broken("I5", `a free run that ends before block ${block} is said to start at block ${left}`);
  }

  /** Cuts a free run that is in no list; what is left over is free and in its list. */
  private split(first: number, from: number, to: number): void {
    const rest = first + to;
    this.table.describeFree(rest, from - to);
    this.table.set(first, LENGTH, to);
    this.lists.insert(rest, from - to);
  }

  /** Joins the free run at `right` to the run that ends there; returns their length together. */
  private absorb(block: number, length: number, right: number): number {
    const both = length + validLength(this.table, right);
    this.lists.remove(right, both - length);
    this.table.set(block, LENGTH, both);
    this.counters[COALESCED]!++;
    return both;
  }

  /** Length of the free run right behind a run of this length. */
  private roomBehind(block: number, length: number): number {
    const right = this.table.freeRunAt(block + length);
    return right === NONE ? 0 : validLength(this.table, right);
  }

  /** The tag says already that it is no single block. */
  private grow(block: number, from: number, to: number): void {
    const table = this.table;
    const room = from + this.roomBehind(block, from);
    this.lists.remove(block + from, room - from);
    const end = block + to;
    this.zeroed.use(block + from, end);
    if (room > to) table.describeFree(end, room - to);
    table.set(block, LENGTH, to);
    // Not before: the last block may be the first of the free run, which the walk still comes to.
    table.markAllocatedEnd(block, to);
    if (room > to) this.lists.insert(end, room - to);
    this.counters[COALESCED]!++;
    this.header[FREE_BLOCKS]! -= to - from;
  }

  private shrink(block: number, from: number, to: number): void {
    const table = this.table;
    const rest = block + to;
    table.set(rest, LENGTH, from - to);
    table.set(rest, TAG, FREE);
    table.markAllocatedEnd(block, to);
    table.set(block, LENGTH, to);
    this.coalesce(rest);
  }

  /**
   * Joins the run at `block` with the free runs after it if it is free, and makes both its ends true. Returns its length, or
   * 0 where no worker can have left what stands there.
   */
  private repairRun(block: number): number {
    const length = this.checkedLength(block);
    if (length === 0) return 0;
    const tag = this.table.tag(block);
    const state = stateOf(tag);
    if (isFreeable(tag)) return this.repairFree(block, length);
    if (state === ALLOCATED_RUN || state === allocatedState(length)) this.repairAllocated(block, length, tag);
    else if (isCachedAs(state, length)) this.clearInside(block, length);
    else return 0;
    return length;
  }

  private repairFree(block: number, length: number): number {
    this.table.set(block, TAG, FREE);
    const joined = this.joinFree(block, length);
    if (joined !== 0) this.lists.insert(block, joined);
    return joined;
  }

  /** A resize that was cut off may have left the tag of another length, and the bytes that were asked for before. */
  private repairAllocated(block: number, length: number, tag: number): void {
    const table = this.table;
    this.clearInside(block, length);
    // Only if it is wrong: a short run may be freed this moment, without the lock.
    if (stateOf(tag) !== allocatedState(length)) table.set(block, TAG, makeTag(allocatedState(length), workerOf(tag)));
    const requested = table.requested(block);
    if (!(requested > (length - 1) * this.blockSize && requested <= length * this.blockSize)) {
      table.setRequested(block, length * this.blockSize);
    }
  }

  /** Inside a run, only blocks that were ever used can claim to be something else. */
  private clearInside(block: number, length: number): void {
    const end = Math.min(block + length, this.header[HIGH_WATER]!);
    for (let inner = block + 1; inner < end; inner++) this.table.set(inner, TAG, INTERIOR);
  }

  private joinFree(block: number, length: number): number {
    const table = this.table;
    for (let right = this.freeableAt(block + length); right !== NONE; right = this.freeableAt(block + length)) {
      const more = this.checkedLength(right);
      if (more === 0) return 0;
      length += more;
      table.set(right, TAG, FREE);
      table.set(block, LENGTH, length);
    }
    this.clearInside(block, length);
    table.markFreeEnd(block, length);
    return length;
  }

  /** First block of a run at `block` that is free or may be made so, or NONE. */
  private freeableAt(block: number): number {
    if (block >= this.table.blockCount) return NONE;
    return isFreeable(this.table.tag(block)) ? block : NONE;
  }

  /** Length of the run at `block`, or 0 if it cannot be one. */
  private checkedLength(block: number): number {
    const length = this.table.length(block);
    return length >= 1 && length <= this.table.blockCount - block ? length : 0;
  }
}

function unfit(first: number, length: number): MemPoolError {
  return broken("I4", `the free run at block ${first} has a length of ${length} and is not on the list of its class`);
}

/** Whether a run is free, would be had its worker lived a moment longer, or is nobody's in the depot. */
function isFreeable(tag: number): boolean {
  return tag === FREE || stateOf(tag) === RELEASING || tag === IN_DEPOT;
}
