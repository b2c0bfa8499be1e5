import type { Mapping, Native } from "../runtime/native.ts";
import { CACHED_BLOCKS, CHECKED, FREE, NONE } from "../region/layout.ts";
import { Growth } from "./growth.ts";
import { Reaper } from "./reap.ts";
import { Refiller } from "../cache/refill.ts";
import type { BlockTable } from "../region/block_table.ts";
import { validateRun } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

/**
 * What there is to hand out, wherever it lies: the free runs, what workers have cached, what dead ones left behind. The
 * caller holds the lock.
 */
export class Heap {
  declare readonly refiller: Refiller;
  declare readonly reaper: Reaper;
  declare readonly growth: Growth;
  declare private readonly mapping: Mapping;
  declare private readonly region: Region;
  declare private readonly table: BlockTable;
  declare private readonly blockSize: number;
  declare private readonly slot: number;
  declare private readonly worker: number;
  declare private readonly caching: boolean;
  declare private readonly zeroing: boolean;

  constructor(native: Native, mapping: Mapping, region: Region, slot: number, worker: number) {
    this.mapping = mapping;
    this.region = region;
    this.table = region.table;
    this.blockSize = region.blockSize;
    this.slot = slot;
    this.worker = worker;
    this.caching = region.header[CACHED_BLOCKS] !== 0;
    this.zeroing = region.header[CHECKED] === 1;
    this.growth = new Growth(mapping, region);
    this.refiller = new Refiller(native, region, slot, worker);
    this.reaper = new Reaper(native, region, (block) => this.coalesce(block));
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
    if (block !== NONE) this.region.runs.allocateAt(block, this.lengthFor(bytes), bytes, this.worker);
    this.region.slots.settle(this.slot);
    return block;
  }

  /** A free run that `take` would take from; NONE when there is none. */
  find(bytes: number): number {
    const length = this.lengthFor(bytes);
    if (length > this.table.capacity) return NONE;
    const { lists } = this.region;
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
    let missing = this.region.lists.shortage(count, length);
    while (missing > 0 && this.caching && this.collect(false)) missing = this.region.lists.shortage(count, length);
    return missing === 0 || this.growth.grow(missing, length);
  }

  /** As the table's `claim`. Throws, and changes nothing, where the run's words contradict each other. */
  claim(block: number, state: number): number {
    if (!this.table.hasExactLength(block, this.blockSize)) validateRun(this.region, block);
    return this.table.claim(block, state);
  }

  /** Throws where the words of an allocated run contradict each other. */
  validate(block: number): void {
    validateRun(this.region, block);
  }

  /** Makes an allocated run free; says whether it was one. */
  freeRun(block: number): boolean {
    if (this.claim(block, FREE) === 0) return false;
    this.coalesce(block);
    return true;
  }

  /** Takes back a run whose tag is FREE already, and which no list has yet. */
  coalesce(block: number): void {
    this.clear(block, block + this.table.length(block));
    this.region.runs.coalesce(block);
  }

  /** In a checked pool, zeroes what becomes free: the blocks from `first` to the one before `end`, if any. */
  clear(first: number, end: number): void {
    if (this.zeroing && end > first) this.mapping.zero(first * this.blockSize, (end - first) * this.blockSize);
  }

  /** Makes free what all workers have cached, those that died too, as it is now. */
  gather(): void {
    if (!this.caching) return;
    this.refiller.recall(false);
    this.reaper.sweep();
  }

  /** Makes free what workers have cached, those that died too; says whether that was anything. */
  private collect(single: boolean): boolean {
    return this.refiller.recall(single) || this.reaper.sweep();
  }
}
