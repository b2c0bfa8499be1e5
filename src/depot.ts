import type { MemPoolError } from "./errors.ts";
import { CACHED, cacheWord, DEPOT_CACHES, DEPOT_TOP, SLOT_COUNT, TAG } from "./layout.ts";
import { type BlockTable, makeTag } from "./table.ts";
import { broken, isInTable } from "./trust.ts";

/** Worker numbers start at 1. */
const NOBODY = 0;

/** What a block in the depot says of itself. */
export const IN_DEPOT = makeTag(CACHED, NOBODY);

/**
 * Single blocks on their way from one worker's cache to another's, where one worker frees what another allocates: they
 * are not joined with their neighbours only to be cut apart again. A stack, whose tags and entries change under the lock
 * only. After a critical section that was cut off it is empty, see `Runs.rebuild`.
 *
 * The idea is the depot of Bonwick and Adams, "Magazines and Vmem" (2001).
 */
export class Depot {
  readonly #header: Int32Array;
  readonly #meta: Int32Array;
  readonly #table: BlockTable;
  readonly #entries: number;
  readonly #capacity: number;

  constructor(header: Int32Array, meta: Int32Array, table: BlockTable, cachedBlocks: number) {
    this.#header = header;
    this.#meta = meta;
    this.#table = table;
    this.#entries = cacheWord(SLOT_COUNT, cachedBlocks);
    this.#capacity = DEPOT_CACHES * cachedBlocks;
  }

  /** Number of blocks in it. */
  get top(): number {
    return this.#header[DEPOT_TOP]!;
  }

  /** The block of an entry. */
  at(entry: number): number {
    return this.#meta[this.#entries + entry]!;
  }

  /** Takes in a block that nobody else can claim; says whether there was room. */
  push(block: number): boolean {
    const top = this.top;
    if (top < 0) throw this.#broken();
    if (top >= this.#capacity) return false;
    this.#table.set(block, TAG, IN_DEPOT);
    this.#meta[this.#entries + top] = block;
    this.#header[DEPOT_TOP] = top + 1;
    return true;
  }

  /** The block that came last. There must be one. */
  peek(): number {
    const top = this.top - 1;
    if (!(top >= 0 && top < this.#capacity)) throw this.#broken();
    const block = this.at(top);
    if (isInTable(this.#table, block) && this.#table.tag(block) === IN_DEPOT) return block;
    throw broken("I11", `the depot holds block ${block}, which is not cached by nobody`);
  }

  /** Takes out the block that came last, with this tag. There must be one. */
  pop(tag: number): number {
    const block = this.peek();
    this.#header[DEPOT_TOP]!--;
    this.#table.set(block, TAG, tag);
    return block;
  }

  #broken(): MemPoolError {
    return broken("I11", `the depot is said to hold ${this.top} blocks`);
  }
}
