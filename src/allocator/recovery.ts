import {
  ALLOCATED_RUN,
  BLOCK_COUNT_INVERTED,
  CACHED_BLOCKS,
  FREE,
  FREE_BLOCKS,
  HAS_BARRIER,
  HIGH_WATER,
  HIGH_WATER_INVERTED,
  INTERIOR,
  LENGTH,
  NONE,
  PLAIN_CLAIMS,
  RELEASING,
  TAG,
} from "../region/layout.ts";
import { allocatedState, IN_DEPOT, isCachedAs, makeTag, stateOf, workerOf } from "../region/block_table.ts";
import type { Region } from "../region/region.ts";
import { setHighWater } from "../region/validate.ts";

/**
 * Repairs a region after a worker died inside a critical section, or an exception ended one halfway. The caller holds
 * the lock.
 *
 * What may be half done, and how it is finished:
 *
 * - A worker slot that was being taken or given up: it is free.
 * - Tags and lengths of first blocks are valid after every store, so they are believed. Everything derived from them is
 *   rebuilt by one walk: free lists, ends of free runs, the count of free blocks, tags inside runs.
 * - Runs that `freeMany` had claimed (RELEASING) and blocks in the depot are free.
 * - A resize may have left a tag or a number of requested bytes that does not match the length: both follow the length.
 * - High water and the block count stand twice. Of two different values of high water the higher one is safe.
 * - Plain claims are allowed again: a crash may have preceded the barrier that ends them.
 * - A waiting request without a block waits again.
 *
 * @returns false if the lengths do not tile the table. Then no worker can have left it so, and nothing can be repaired.
 */
export function recover(region: Region): boolean {
  region.slots.repair();
  if (!new Rebuild(region).run()) return false;
  region.queue.repair(region.table);
  return true;
}

/** One walk over the block table that rebuilds everything derived. */
class Rebuild {
  readonly #region: Region;
  readonly #blockSize: number;

  constructor(region: Region) {
    this.#region = region;
    // As validated when this worker attached: the header's word may have been overwritten since.
    this.#blockSize = region.blockSize;
  }

  run(): boolean {
    const { header, table, lists, depot } = this.#region;
    const end = table.blockCount;
    lists.clear();
    this.#repairHighWater();
    if (header[CACHED_BLOCKS] !== 0) depot.clear();
    header[PLAIN_CLAIMS] = header[HAS_BARRIER]!;
    let freeBlocks = 0;
    for (let block = 0; block < end;) {
      const length = this.#repairRun(block);
      if (length === 0) return false;
      if (table.isFree(block)) freeBlocks += length;
      block += length;
    }
    header[FREE_BLOCKS] = freeBlocks;
    // The runs tile this many blocks, so the first of the two block counts is the right one.
    header[BLOCK_COUNT_INVERTED] = ~end;
    return true;
  }

  #repairHighWater(): void {
    const { header, table } = this.#region;
    const end = table.blockCount;
    const stored = [header[HIGH_WATER]!, ~header[HIGH_WATER_INVERTED]!];
    const possible = stored.filter((highWater) => highWater >= 0 && highWater <= end);
    setHighWater(header, possible.length === 0 ? end : Math.max(...possible));
  }

  /**
   * Repairs the run at `block`: if it is free, joins it with the free runs after it. Returns its length, or 0 if no
   * worker can have left what stands there.
   */
  #repairRun(block: number): number {
    const length = this.#possibleLength(block);
    if (length === 0) return 0;
    const tag = this.#region.table.tag(block);
    const state = stateOf(tag);
    if (isFreeable(tag)) return this.#repairFree(block, length);
    if (state === ALLOCATED_RUN || state === allocatedState(length)) this.#repairAllocated(block, length, tag);
    else if (isCachedAs(state, length)) this.#clearInside(block, length);
    else return 0;
    return length;
  }

  #repairFree(block: number, length: number): number {
    const { table, lists } = this.#region;
    table.set(block, TAG, FREE);
    const joined = this.#joinFree(block, length);
    if (joined !== 0) lists.insert(block, joined);
    return joined;
  }

  #repairAllocated(block: number, length: number, tag: number): void {
    const { table } = this.#region;
    this.#clearInside(block, length);
    // Only a wrong tag is replaced: a short run may be freed at this moment, without the lock.
    if (stateOf(tag) !== allocatedState(length)) table.set(block, TAG, makeTag(allocatedState(length), workerOf(tag)));
    const requested = table.requested(block);
    if (!(requested > (length - 1) * this.#blockSize && requested <= length * this.#blockSize)) {
      table.setRequested(block, length * this.#blockSize);
    }
  }

  /** Above high water no block was ever used, so no tag there can claim to be anything. */
  #clearInside(block: number, length: number): void {
    const { header, table } = this.#region;
    const end = Math.min(block + length, header[HIGH_WATER]!);
    for (let inner = block + 1; inner < end; inner++) table.set(inner, TAG, INTERIOR);
  }

  #joinFree(block: number, length: number): number {
    const { table } = this.#region;
    for (let right = this.#freeableAt(block + length); right !== NONE; right = this.#freeableAt(block + length)) {
      const more = this.#possibleLength(right);
      if (more === 0) return 0;
      length += more;
      table.set(right, TAG, FREE);
      table.set(block, LENGTH, length);
    }
    this.#clearInside(block, length);
    table.markFreeEnd(block, length);
    return length;
  }

  /** The first block of a run at `block` that is free or may be made free, or NONE. */
  #freeableAt(block: number): number {
    const { table } = this.#region;
    return block < table.blockCount && isFreeable(table.tag(block)) ? block : NONE;
  }

  /** The length of the run at `block`, or 0 if it cannot be one. */
  #possibleLength(block: number): number {
    const { table } = this.#region;
    const length = table.length(block);
    return length >= 1 && length <= table.blockCount - block ? length : 0;
  }
}

/** Whether a run is free, was about to become free when its worker died, or is in the depot. */
function isFreeable(tag: number): boolean {
  return tag === FREE || stateOf(tag) === RELEASING || tag === IN_DEPOT;
}
