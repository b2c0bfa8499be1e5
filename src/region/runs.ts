import { allocatedState, type BlockTable, makeTag } from "./block_table.ts";
import type { FreeLists } from "./free_lists.ts";
import * as layout from "./layout.ts";
import { broken, setHighWater, validHighWater, validLength } from "./validate.ts";

// Constants of this module: rule 1 in src/cache/block_cache.ts.
const {
  ALLOCATED_RUN,
  BLOCK_COUNT,
  BLOCK_COUNT_INVERTED,
  CACHED,
  COALESCED,
  FREE,
  FREE_BLOCKS,
  INTERIOR,
  LENGTH,
  LINE_BLOCKS,
  LONGEST_SHORT_RUN,
  NONE,
  TAG,
} = layout;

/** How many short runs `findSingle` looks at. It holds the lock, so it must not look at all of them. */
const LOOKS = 16;

/**
 * Runs: allocate, free and resize, with split and immediate coalescing, in constant time for any length. The caller
 * holds the lock.
 *
 * One store to a tag or to a length makes each change valid. Everything that the change needs is written before that
 * store, inside a run, where no walk looks. So a walk by lengths from block 0 is valid after every store, also if the
 * worker dies between two of them. Lists, ends of free runs and counters are derived; src/allocator/recovery.ts
 * rebuilds them.
 */
export class Runs {
  declare private readonly header: Int32Array;
  declare private readonly counters: Float64Array;
  declare private readonly table: BlockTable;
  declare private readonly lists: FreeLists;

  constructor(header: Int32Array, counters: Float64Array, table: BlockTable, lists: FreeLists) {
    this.header = header;
    this.counters = counters;
    this.table = table;
    this.lists = lists;
  }

  /** Makes the whole table one free run. */
  format(): void {
    this.lists.clear();
    this.table.describeFree(0, this.table.blockCount);
    this.lists.insert(0, this.table.blockCount);
    this.header[FREE_BLOCKS] = this.table.blockCount;
  }

  /** Adds free blocks up to the one before `end`. No walk reaches them before the store of the block count. */
  extend(end: number): void {
    const first = this.table.blockCount;
    this.table.describeFree(first, end - first);
    this.header[BLOCK_COUNT] = end;
    this.header[BLOCK_COUNT_INVERTED] = ~end;
    this.coalesce(first);
  }

  /** Hands out `length` blocks at the start of the free run at `first`, which is at least that long. */
  allocateAt(first: number, length: number, requested: number, worker: number): void {
    const table = this.table;
    const found = table.length(first);
    if (found < length || found > table.blockCount - first) throw unfit(first, found);
    this.lists.remove(first, found);
    if (found > length) this.split(first, found, length);
    this.raiseHighWater(first + length);
    table.markAllocated(first, length, requested, worker);
    this.header[FREE_BLOCKS]! -= length;
  }

  /**
   * A free run from which single blocks can be cut for a worker, or NONE. Prefers short runs, so that long ones stay,
   * and among the short ones a run whose cache lines no other worker writes.
   */
  findSingle(worker: number): number {
    const table = this.table;
    return this.lists.findShortest(LOOKS, (block) => {
      const length = validLength(table, block);
      if (length >= 2 * LINE_BLOCKS) return true;
      return !table.isContested(block, worker) && !table.isContested(block + length - 1, worker);
    });
  }

  /** Turns the first `count` blocks of the free run at `first`, which has at least as many, into cached blocks. */
  cacheAt(first: number, count: number, worker: number): void {
    const table = this.table;
    const length = validLength(table, first);
    this.lists.remove(first, length);
    this.raiseHighWater(first + count);
    if (length > count) table.describeFree(first + count, length - count);
    const tag = makeTag(CACHED, worker);
    for (let block = first + count - 1; block > first; block--) table.describeCached(block, tag);
    // The table is valid after each of these stores: the first cuts the run into single blocks, the last caches one.
    table.set(first, LENGTH, 1);
    table.describeCached(first, tag);
    if (length > count) this.lists.insert(first + count, length - count);
    this.header[FREE_BLOCKS]! -= count;
  }

  /** Joins the run at `block`, whose tag the caller has just turned to FREE, with its free neighbours. */
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

  /** Makes one free run of single blocks that lie side by side. They are cached, and no other worker can claim them. */
  joinSingles(first: number, count: number): void {
    const { table } = this;
    table.set(first, TAG, FREE);
    if (count > 1) {
      table.set(first, LENGTH, count); // from this store on, the others are inside the run
      for (let block = first + 1; block < first + count; block++) table.set(block, TAG, INTERIOR);
      this.counters[COALESCED]! += count - 1;
    }
    this.coalesce(first);
  }

  /** Whether an allocated run could become so many blocks long in place. */
  fits(block: number, length: number): boolean {
    const before = validLength(this.table, block);
    return length <= before + this.roomBehind(block, before);
  }

  /** Changes the length of an allocated run in place. Returns whether there was room. */
  resize(block: number, length: number, requested: number, worker: number): boolean {
    const table = this.table;
    const before = validLength(table, block);
    if (length > before + this.roomBehind(block, before)) return false;
    // Another worker may free a short run by mistake at this moment, without the lock, but not a longer one.
    if (before <= LONGEST_SHORT_RUN && table.claim(block, makeTag(ALLOCATED_RUN, worker)) === 0) return false;
    if (length > before) this.grow(block, before, length);
    if (length < before) this.shrink(block, before, length);
    table.setRequested(block, requested);
    table.set(block, TAG, makeTag(allocatedState(length), worker));
    return true;
  }

  /**
   * Where the run at `block` could become `length` blocks long by moving down into the free run before it: the first
   * block of that free run, or NONE.
   */
  roomAround(block: number, length: number): number {
    const table = this.table;
    const left = this.freeRunBefore(block);
    if (left === NONE) return NONE;
    const end = block + validLength(table, block);
    return end - left + this.roomBehind(block, end - block) >= length ? left : NONE;
  }

  /** The first block of the free run that ends right before `block`, or NONE. */
  private freeRunBefore(block: number): number {
    const table = this.table;
    const left = table.freeRunBefore(block);
    if (left === NONE) return NONE;
    if (table.isFree(left) && left + table.length(left) === block) return left;
    throw broken("I5", `a free run that ends before block ${block} claims to start at block ${left}`);
  }

  /** Cuts a free run that is in no list. The rest is free and in its list. */
  private split(first: number, from: number, to: number): void {
    const rest = first + to;
    this.table.describeFree(rest, from - to);
    this.table.set(first, LENGTH, to);
    this.lists.insert(rest, from - to);
  }

  /** Joins the free run at `right` to the run that ends there. Returns the length of both together. */
  private absorb(block: number, length: number, right: number): number {
    const both = length + validLength(this.table, right);
    this.lists.remove(right, both - length);
    this.table.set(block, LENGTH, both);
    this.counters[COALESCED]!++;
    return both;
  }

  /** The length of the free run that starts where a run of this length ends; 0 if there is none. */
  private roomBehind(block: number, length: number): number {
    const right = this.table.freeRunAt(block + length);
    return right === NONE ? 0 : validLength(this.table, right);
  }

  /** Lengthens an allocated run into the free run after it. The run's tag is ALLOCATED_RUN already. */
  private grow(block: number, from: number, to: number): void {
    const table = this.table;
    const room = from + this.roomBehind(block, from);
    this.lists.remove(block + from, room - from);
    const end = block + to;
    this.raiseHighWater(end);
    if (room > to) table.describeFree(end, room - to);
    table.set(block, LENGTH, to);
    // Only now: until that store, the last block may be the first block of the free run, which a walk still reaches.
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

  /** Before blocks are handed out or cached: from then on they may hold something else than zeros. */
  private raiseHighWater(end: number): void {
    if (end > validHighWater(this.header)) setHighWater(this.header, end);
  }
}

function unfit(first: number, length: number): Error {
  return broken("I4", `the free run at block ${first} has a length of ${length} and is not on the list of its class`);
}
