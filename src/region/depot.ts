import type { MemPoolError } from "../base/errors.ts";
import { CACHED, cacheWord, DEPOT_CACHES, DEPOT_TOP, SLOT_COUNT, TAG } from "./layout.ts";
import { type BlockTable, makeTag } from "./block_table.ts";
import { broken } from "./validate.ts";

/** Worker numbers start at 1. */
const NOBODY = 0;

/** What a block in the depot says of itself. */
export const IN_DEPOT: number = makeTag(CACHED, NOBODY);

/**
 * Single blocks on their way from one worker's cache to another's, where one worker frees what another allocates: they
 * are not joined with their neighbours only to be cut apart again. A stack, whose tags and entries change under the lock
 * only. After a critical section that was cut off it is empty, see `Runs.rebuild`.
 *
 * The idea is the depot of Bonwick and Adams, "Magazines and Vmem" (2001).
 */
export class Depot {
  declare private readonly header: Int32Array;
  declare private readonly meta: Int32Array;
  declare private readonly table: BlockTable;
  declare private readonly entries: number;
  declare private readonly capacity: number;

  constructor(header: Int32Array, meta: Int32Array, table: BlockTable, cachedBlocks: number) {
    this.header = header;
    this.meta = meta;
    this.table = table;
    this.entries = cacheWord(SLOT_COUNT, cachedBlocks);
    this.capacity = DEPOT_CACHES * cachedBlocks;
  }

  /** Number of blocks in it. */
  get top(): number {
    return this.header[DEPOT_TOP]!;
  }

  /** The block of an entry. */
  at(entry: number): number {
    return this.meta[this.entries + entry]!;
  }

  /** Number of blocks that it has room for. */
  get room(): number {
    const room = this.capacity - this.top;
    if (room > this.capacity) throw this.broken();
    return room;
  }

  /** Takes in a block that nobody else can claim. There must be room. */
  push(block: number): void {
    const top = this.top;
    this.table.set(block, TAG, IN_DEPOT);
    this.meta[this.entries + top] = block;
    this.header[DEPOT_TOP] = top + 1;
  }

  /** The block that came last. There must be one. */
  peek(): number {
    return this.validAt(this.startOf(1), this.table.blockCount);
  }

  /**
   * Brings up to so many blocks to the top that a worker would not contest with others; returns how many. There must be as
   * many blocks.
   */
  arrange(count: number, worker: number): number {
    const { meta, entries, table } = this;
    const { blockCount } = table;
    const top = count + this.startOf(count);
    let place = top;
    for (let entry = top - 1; entry >= 0 && top - place < count; entry--) {
      const block = this.validAt(entry, blockCount);
      if (table.isContested(block, worker)) continue;
      place--;
      meta[entries + entry] = this.at(place);
      meta[entries + place] = block;
    }
    return top - place;
  }

  /** Copies the numbers of so many blocks, those that came last, in their order. There must be as many. */
  copyTo(words: Int32Array, place: number, count: number): void {
    const { blockCount } = this.table;
    const start = this.startOf(count);
    for (let more = 0; more < count; more++) words[place + more] = this.validAt(start + more, blockCount);
  }

  /** Takes out so many blocks that came last, which `copyTo` has looked at, and lets them have this tag. */
  pop(count: number, tag: number): void {
    const top = this.top - count;
    this.header[DEPOT_TOP] = top;
    for (let entry = top; entry < top + count; entry++) this.table.set(this.at(entry), TAG, tag);
  }

  /** Where the entries of so many blocks that came last start. */
  private startOf(count: number): number {
    const { top } = this;
    if (top >= count && top <= this.capacity) return top - count;
    throw this.broken();
  }

  private validAt(entry: number, blockCount: number): number {
    const block = this.at(entry);
    if (block >>> 0 < blockCount && this.table.tag(block) === IN_DEPOT) return block;
    throw broken("I11", `the depot holds block ${block}, which is not cached by nobody`);
  }

  private broken(): MemPoolError {
    return broken("I11", `the depot is said to hold ${this.top} blocks`);
  }
}
