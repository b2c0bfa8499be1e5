import { Refiller } from "../cache/refill.ts";
import type { Worker } from "../cache/worker.ts";
import type { BlockTable } from "../region/block_table.ts";
import { CACHED_BLOCKS, FREE, GROWN, NONE } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { validateRun, validBlockCount, validHighWater, validLength } from "../region/validate.ts";
import { clear, coalesce } from "./coalesce.ts";
import type { Journal } from "./journal.ts";
import { Reaper } from "./reap.ts";

/** One block in so many of those that were ever used may be in the depot before fresh memory is used for a run. */
const DEPOT_SHARE = 8;

/**
 * Everything that can be handed out: free runs, cached blocks, what dead workers have cached, and what the pool may
 * grow by. The caller holds the lock.
 */
export class Heap {
  declare readonly refiller: Refiller;
  declare readonly reaper: Reaper;
  declare private readonly journal: Journal;
  declare private readonly worker: Worker;
  declare private readonly region: Region;
  declare private readonly table: BlockTable;
  declare private readonly blockSize: number;
  declare private readonly slot: number;
  declare private readonly number: number;
  declare private readonly caching: boolean;

  constructor(worker: Worker, journal: Journal) {
    const { region, slot, number } = worker;
    this.worker = worker;
    this.journal = journal;
    this.region = region;
    this.table = region.table;
    this.blockSize = region.blockSize;
    this.slot = slot;
    this.number = number;
    this.caching = region.header[CACHED_BLOCKS] !== 0;
    this.refiller = new Refiller(worker);
    this.reaper = new Reaper(worker);
  }

  /** The number of blocks that hold so many bytes. */
  lengthFor(bytes: number): number {
    return Math.ceil(bytes / this.blockSize);
  }

  /** Hands out a run for so many bytes, if need be after emptying all caches and after growing. NONE if none fits. */
  take(bytes: number): number {
    const block = this.find(bytes);
    if (block !== NONE) {
      this.region.runs.allocateAt(block, this.lengthFor(bytes), bytes, this.number);
      this.journal.allocated = block;
    }
    this.region.slots.settle(this.slot);
    return block;
  }

  /** The free run that `take` would use, or NONE. */
  find(bytes: number): number {
    const length = this.lengthFor(bytes);
    if (length > this.table.capacity) return NONE;
    const { lists } = this.region;
    let block = lists.find(length);
    if (length > 1 && block !== NONE && this.hidesMuch(block + length)) {
      this.refiller.joinDepot();
      block = lists.find(length);
    }
    // Ends when other workers stop freeing: each round takes what was cached during the round before.
    while (block === NONE && this.caching && this.collect(length === 1)) block = lists.find(length);
    return block === NONE && this.grow(1, length) ? lists.find(length) : block;
  }

  /**
   * Whether `count` runs for so many bytes are free, if need be after all caches are emptied and the pool has grown.
   * The runs are counted and not taken: other workers could see and free a block that is taken for a trial.
   */
  hasRoom(count: number, bytes: number): boolean {
    const length = this.lengthFor(bytes);
    if (count * length > this.table.capacity) return false;
    let missing = this.shortage(count, length);
    while (missing > 0 && this.caching && this.collect(false)) missing = this.shortage(count, length);
    return missing <= 0 || this.grow(missing, length);
  }

  /**
   * Claims an allocated run, as the block table's `claim` does. Throws and changes nothing if the run's words
   * contradict each other.
   */
  claim(block: number, state: number): number {
    if (!this.table.hasExactLength(block, this.blockSize)) validateRun(this.region, block);
    return this.table.claim(block, state);
  }

  /** Throws if the words of an allocated run contradict each other. */
  validate(block: number): void {
    validateRun(this.region, block);
  }

  /** Makes an allocated run free. Returns whether the run was allocated. */
  freeRun(block: number): boolean {
    if (this.claim(block, FREE) === 0) return false;
    this.coalesce(block);
    return true;
  }

  /** Takes in a run whose tag is FREE already and which is in no list. */
  coalesce(block: number): void {
    coalesce(this.worker, block);
  }

  /** In a checked pool, zeroes the blocks from `first` to the one before `end`, which become free. */
  clear(first: number, end: number): void {
    clear(this.worker, first, end);
  }

  /** Makes everything free that workers have cached now, dead workers included. */
  gather(): void {
    if (!this.caching) return;
    this.refiller.recall(false);
    this.reaper.sweep();
  }

  /**
   * Lengthens the pool for a run at its end, if that run could become `length` blocks long with the free blocks before
   * and after it.
   */
  growBehind(block: number, length: number): void {
    const { table } = this;
    const own = block + table.length(block);
    const right = table.freeRunAt(own);
    const end = right === NONE ? own : own + table.length(right);
    const left = table.freeRunBefore(block);
    const missing = length - (end - (left === NONE ? block : left));
    if (end === table.blockCount && missing > 0) this.growBy(missing);
  }

  /**
   * Makes blocks free that this worker has cached right behind an allocated run, if the run could then become `length` blocks
   * long in place. Returns whether it could.
   */
  reclaimBehind(block: number, length: number): boolean {
    const { table } = this;
    const own: number[] = [];
    let end = block + validLength(table, block);
    while (end < table.blockCount && end - block < length) {
      if (this.refiller.hasCached(end)) own.push(end);
      else if (!table.isFree(end)) return false;
      end += validLength(table, end);
    }
    if (end - block < length || own.length === 0) return false;
    for (const cached of own) this.refiller.reclaim(cached);
    return true;
  }

  /**
   * Whether a run that ends here would use memory that was never used, while the depot holds a large share of what was
   * used. So the blocks of the depot are joined rarely, and make a pool need no more than a little more memory.
   */
  private hidesMuch(end: number): boolean {
    const highWater = validHighWater(this.region.header);
    return end > highWater && this.caching && this.region.depot.count * DEPOT_SHARE > highWater;
  }

  /** Makes free what workers have cached, dead workers included. Returns whether that was anything. */
  private collect(single: boolean): boolean {
    return this.refiller.recall(single) || this.reaper.sweep();
  }

  /** How many of `count` runs of this length are lacking. Single blocks may come from the depot as well. */
  private shortage(count: number, length: number): number {
    const { lists, depot } = this.region;
    return lists.shortage(count, length) - (this.caching && length === 1 ? depot.count : 0);
  }

  /** Lengthens the pool for `missing` further runs of this length, or changes nothing. Returns whether they fit now. */
  private grow(missing: number, length: number): boolean {
    const { table } = this;
    // The last blocks of the pool may be free already, but too few for one more run.
    const last = table.freeRunBefore(table.blockCount);
    const free = last === NONE ? 0 : table.length(last);
    return this.growBy((Math.floor(free / length) + missing) * length - free);
  }

  /**
   * Doubles the pool, or adds `needed` blocks if that is more, within the addresses that were reserved for it.
   * Addresses do not change, so offsets, buffers and views stay valid.
   */
  private growBy(needed: number): boolean {
    const { table, region } = this;
    const count = validBlockCount(region);
    if (needed > table.capacity - count) return false;
    const end = Math.min(table.capacity, count + Math.max(count, needed));
    if (!this.worker.mapping.grow(end * this.blockSize)) return false;
    region.runs.extend(end);
    region.counters[GROWN]!++;
    return true;
  }
}
