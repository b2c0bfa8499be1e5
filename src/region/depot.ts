import type { MemPoolError } from "../base/errors.ts";
import { type BlockTable, makeTag } from "./block_table.ts";
import { CACHED, cacheWord, DEPOT_CACHES, DEPOT_TOP, SLOT_COUNT, TAG } from "./layout.ts";
import { broken } from "./validate.ts";

/** Stands for "no worker" in a tag: worker numbers start at 1. */
const NO_WORKER = 0;

/** The tag of every block in the depot. */
export const IN_DEPOT: number = makeTag(CACHED, NO_WORKER);

/**
 * A stack of single blocks on their way from one worker's cache to another's. If one worker frees what another
 * allocates, the depot saves joining the blocks with their neighbours and cutting them apart again. The caller holds
 * the lock: the tags and entries of the depot change under the lock only. src/allocator/recovery.ts empties the depot
 * after a critical section that was interrupted.
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

  /** Number of blocks in the depot. */
  get top(): number {
    return this.header[DEPOT_TOP]!;
  }

  /** The block of an entry. */
  at(entry: number): number {
    return this.meta[this.entries + entry]!;
  }

  /** Number of blocks that the depot still has room for. */
  get room(): number {
    const room = this.capacity - this.top;
    if (room > this.capacity) throw this.wrongTop();
    return room;
  }

  /** Adds a block that no other worker can claim. There must be room. */
  push(block: number): void {
    const top = this.top;
    this.table.set(block, TAG, IN_DEPOT);
    this.meta[this.entries + top] = block;
    this.header[DEPOT_TOP] = top + 1;
  }

  /** The block on top. The depot must not be empty. */
  peek(): number {
    return this.validAt(this.startOf(1), this.table.blockCount);
  }

  /**
   * Brings up to `count` blocks to the top whose cache lines no other worker writes, and returns their number. The
   * depot must hold at least `count` blocks, and their order may change.
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

  /**
   * Copies the numbers of the top `count` blocks to `words` from `place` on. The depot must hold at least `count`
   * blocks.
   */
  copyTo(words: Int32Array, place: number, count: number): void {
    const { blockCount } = this.table;
    const start = this.startOf(count);
    for (let more = 0; more < count; more++) words[place + more] = this.validAt(start + more, blockCount);
  }

  /** Removes the top `count` blocks, which `copyTo` or `peek` has validated, and gives them this tag. */
  pop(count: number, tag: number): void {
    const top = this.top - count;
    this.header[DEPOT_TOP] = top;
    for (let entry = top; entry < top + count; entry++) this.table.set(this.at(entry), TAG, tag);
  }

  /** The entry where the top `count` blocks start. */
  private startOf(count: number): number {
    const { top } = this;
    if (top >= count && top <= this.capacity) return top - count;
    throw this.wrongTop();
  }

  private validAt(entry: number, blockCount: number): number {
    const block = this.at(entry);
    if (block >>> 0 < blockCount && this.table.tag(block) === IN_DEPOT) return block;
    throw broken("I11", `the depot holds block ${block}, whose tag says otherwise`);
  }

  private wrongTop(): MemPoolError {
    return broken("I11", `the depot claims to hold ${this.top} blocks`);
  }
}
