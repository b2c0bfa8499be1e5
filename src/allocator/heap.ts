import type { Native, Region } from "../runtime/native.ts";
import { CACHED_BLOCKS, CHECKED, FREE, NONE } from "../region/layout.ts";
import { Growth } from "./growth.ts";
import { Reaper } from "./reap.ts";
import { Supply } from "../cache/refill.ts";
import type { BlockTable } from "../region/block_table.ts";
import { trustRun } from "../region/validate.ts";
import type { Views } from "../region/region.ts";

/**
 * What there is to hand out, wherever it lies: the free runs, what workers have cached, what dead ones left behind. The
 * caller holds the lock.
 */
export class Stock {
  declare readonly supply: Supply;
  declare readonly reaper: Reaper;
  declare readonly growth: Growth;
  declare private readonly region: Region;
  declare private readonly views: Views;
  declare private readonly table: BlockTable;
  declare private readonly blockSize: number;
  declare private readonly slot: number;
  declare private readonly worker: number;
  declare private readonly caching: boolean;
  declare private readonly zeroing: boolean;

  constructor(native: Native, region: Region, views: Views, slot: number, worker: number) {
    this.region = region;
    this.views = views;
    this.table = views.table;
    this.blockSize = views.blockSize;
    this.slot = slot;
    this.worker = worker;
    this.caching = views.header[CACHED_BLOCKS] !== 0;
    this.zeroing = views.header[CHECKED] === 1;
    this.growth = new Growth(region, views);
    this.supply = new Supply(native, views, slot, worker);
    this.reaper = new Reaper(native, views, (block) => this.giveBack(block));
  }

  lengthFor(bytes: number): number {
    return Math.ceil(bytes / this.blockSize);
  }

  /**
   * A run for so many bytes; when the free runs are exhausted, from what others have cached, and then from what the pool
   * may grow by. NONE when there is none.
   */
  take(bytes: number): number {
    const block = this.find(bytes);
    if (block !== NONE) this.views.runs.allocateAt(block, this.lengthFor(bytes), bytes, this.worker);
    this.views.slots.settle(this.slot);
    return block;
  }

  /** A free run that `take` would take from; NONE when there is none. */
  find(bytes: number): number {
    const length = this.lengthFor(bytes);
    if (length > this.table.capacity) return NONE;
    const { lists } = this.views;
    let block = lists.find(length);
    // Ends when others stop giving back: each round takes what was cached in the one before.
    while (block === NONE && this.caching && this.collect(length === 1)) block = lists.find(length);
    return block === NONE && this.growth.grow(1, length) ? lists.find(length) : block;
  }

  /**
   * Whether so many runs for so many bytes are free, with what workers have cached and what the pool may grow by if need be.
   * Counted, and not tried: a block that is taken and given back would be seen, and could be freed, by other workers.
   */
  hasRoom(count: number, bytes: number): boolean {
    const length = this.lengthFor(bytes);
    if (count * length > this.table.capacity) return false;
    let missing = this.views.lists.shortage(count, length);
    while (missing > 0 && this.caching && this.collect(false)) missing = this.views.lists.shortage(count, length);
    return missing === 0 || this.growth.grow(missing, length);
  }

  /** As the table's `claim`. Throws, and changes nothing, where the run's words contradict each other. */
  claim(block: number, state: number): number {
    if (!this.table.isTight(block, this.blockSize)) trustRun(this.views, block);
    return this.table.claim(block, state);
  }

  /** Throws where the words of an allocated run contradict each other. */
  trust(block: number): void {
    trustRun(this.views, block);
  }

  /** Makes an allocated run free; says whether it was one. */
  release(block: number): boolean {
    if (this.claim(block, FREE) === 0) return false;
    this.giveBack(block);
    return true;
  }

  /** Takes back a run whose tag is FREE already, and which no list has yet. */
  giveBack(block: number): void {
    this.clear(block, block + this.table.length(block));
    this.views.runs.release(block);
  }

  /** In a checked pool, zeroes what becomes free: the blocks from `first` to the one before `end`, if any. */
  clear(first: number, end: number): void {
    if (this.zeroing && end > first) this.region.zero(first * this.blockSize, (end - first) * this.blockSize);
  }

  /** Makes free what all workers have cached, those that died too, as it is now. */
  gather(): void {
    if (!this.caching) return;
    this.supply.recall(false);
    this.reaper.sweep();
  }

  /** Makes free what workers have cached, those that died too; says whether that was anything. */
  private collect(single: boolean): boolean {
    return this.supply.recall(single) || this.reaper.sweep();
  }
}
