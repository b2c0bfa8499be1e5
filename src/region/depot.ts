import type { MemPoolError } from "../base/errors.ts";
import { type BlockTable, IN_DEPOT as TAG_IN_DEPOT } from "./block_table.ts";
import { lowestBit } from "./free_lists.ts";
import * as layout from "./layout.ts";
import { broken, strayEntry } from "./validate.ts";

// Constants of this module: rule 1 in src/cache/block_cache.ts.
const { DEPOT_COUNT, HIGH_WATER, NONE, TAG } = layout;
const IN_DEPOT = TAG_IN_DEPOT;

/** The logarithm of the bits in a word. */
const WORD_SHIFT = 5;
const BIT_MASK = 31;

/**
 * Single free blocks that are not joined with their neighbours yet: a bit for each block. Workers put blocks here when
 * their caches are full, and get blocks back from here when their caches are empty. So a block that is freed and soon
 * allocated again is not joined with its neighbours and cut off again in between. The blocks are joined when a longer
 * run is needed, when the memory goes back to the system, or when a pool is exhausted.
 *
 * Blocks come out in order of address, whatever the order in which they came in. So a worker gets neighbours, which
 * share cache lines of the table with each other and not with blocks of another worker; and a program that allocates
 * many blocks in a row, and later frees them in the same order, walks through memory in order.
 *
 * Two upper levels of bits, each with one bit for a word of the level below that is not 0, make a search fast in a large
 * pool with few bits. A bit is set from the top level down and cleared from the bottom level up. So after every store
 * each bit can be found.
 *
 * The caller holds the lock: bits and tags of the depot change under the lock only. src/allocator/recovery.ts empties
 * the depot after a critical section that was interrupted.
 *
 * To delay the joining of free blocks: Doug Lea, "A Memory Allocator" (2000), the section on bins for fast allocation.
 */
export class Depot {
  declare private readonly header: Int32Array;
  declare private readonly meta: Int32Array;
  declare private readonly table: BlockTable;
  /** The words where the three levels start, the one with a bit for each block first. */
  declare private readonly blocks: number;
  declare private readonly middle: number;
  declare private readonly upper: number;

  constructor(header: Int32Array, meta: Int32Array, table: BlockTable, cachedBlocks: number) {
    this.header = header;
    this.meta = meta;
    this.table = table;
    const [blocks, middle] = layout.depotLevels(table.capacity);
    this.blocks = layout.depotWord(table.capacity, cachedBlocks);
    this.middle = this.blocks + blocks;
    this.upper = this.middle + middle;
  }

  /** Number of blocks in the depot. */
  get count(): number {
    const count = this.header[DEPOT_COUNT]!;
    if (count >>> 0 <= this.table.blockCount) return count;
    throw broken("I11", `the depot claims to hold ${count} blocks`);
  }

  /** Adds a block that no other worker can claim. */
  push(block: number): void {
    this.table.set(block, TAG, IN_DEPOT);
    this.setBits(block >>> WORD_SHIFT, 1 << (block & BIT_MASK));
    this.header[DEPOT_COUNT]!++;
  }

  /** Adds those of the blocks in `words` that have this tag, which no other worker can change. Returns how many. */
  pushTagged(words: Int32Array, place: number, count: number, tag: number): number {
    const { table } = this;
    const { blockCount } = table;
    let pushed = 0;
    let word = 0;
    let bits = 0;
    for (let at = place; at < place + count; at++) {
      const block = words[at]!;
      if (block >>> 0 >= blockCount) throw strayEntry(block);
      if (table.tag(block) !== tag) continue;
      if (block >>> WORD_SHIFT !== word) {
        if (bits !== 0) this.setBits(word, bits);
        word = block >>> WORD_SHIFT;
        bits = 0;
      }
      table.set(block, TAG, IN_DEPOT);
      bits |= 1 << (block & BIT_MASK);
      pushed++;
    }
    if (bits !== 0) this.setBits(word, bits);
    this.header[DEPOT_COUNT]! += pushed;
    return pushed;
  }

  /** Copies the numbers of the lowest blocks, up to so many, to `words` from `place` on. Returns how many. */
  copyTo(words: Int32Array, place: number, most: number): number {
    const { meta, table, blocks } = this;
    const { blockCount } = table;
    let copied = 0;
    for (let word = this.nextWord(0); word !== NONE && copied < most; word = this.nextWord(word + 1)) {
      for (let bits = meta[blocks + word]!; bits !== 0 && copied < most; bits &= bits - 1) {
        const block = (word << WORD_SHIFT) + lowestBit(bits);
        if (block >= blockCount || table.tag(block) !== IN_DEPOT) throw strayBit(block);
        words[place + copied] = block;
        copied++;
      }
    }
    return copied;
  }

  /** Takes out the blocks that `copyTo` has copied to `words`, and gives each of them this tag. */
  takeOut(words: Int32Array, place: number, count: number, tag: number): void {
    const { table } = this;
    this.header[DEPOT_COUNT]! -= count;
    for (let at = place; at < place + count;) {
      const word = words[at]! >>> WORD_SHIFT;
      let taken = 0;
      for (; at < place + count && words[at]! >>> WORD_SHIFT === word; at++) {
        table.set(words[at]!, TAG, tag);
        taken |= 1 << (words[at]! & BIT_MASK);
      }
      this.clearBits(word, taken);
    }
  }

  /** Takes out a block that `firstFrom` has returned. The caller changes its tag. */
  remove(block: number): void {
    this.header[DEPOT_COUNT]!--;
    this.clearBits(block >>> WORD_SHIFT, 1 << (block & BIT_MASK));
  }

  /** The lowest block from this one on, or NONE. There must be no block between this one and the start of its word. */
  firstFrom(block: number): number {
    const word = this.nextWord(block >>> WORD_SHIFT);
    if (word === NONE) return NONE;
    return this.valid((word << WORD_SHIFT) + lowestBit(this.meta[this.blocks + word]!));
  }

  /** How many blocks of the depot lie side by side from this one on. */
  lengthAt(first: number): number {
    const { blockCount } = this.table;
    let end = first + 1;
    while (end < blockCount && this.has(end)) this.valid(end++);
    return end - first;
  }

  /** Throws if the levels contradict each other. Looks at all words below high water. */
  check(): void {
    const { meta } = this;
    const words = this.wordsInUse();
    for (let word = 0; word < words; word++) {
      const above = word >>> WORD_SHIFT;
      const marked = (meta[this.middle + above]! & (1 << (word & BIT_MASK))) !== 0;
      const reached = (meta[this.upper + (above >>> WORD_SHIFT)]! & (1 << (above & BIT_MASK))) !== 0;
      if ((meta[this.blocks + word] !== 0) !== marked || marked && !reached) throw wrongLevels(word);
    }
  }

  /** Forgets all blocks. Their tags stay. No block from high water up was ever in the depot. */
  clear(): void {
    const { meta } = this;
    const words = this.wordsInUse();
    const [, middle, upper] = layout.depotLevels(this.table.capacity);
    meta.fill(0, this.blocks, this.blocks + words);
    meta.fill(0, this.middle, this.middle + middle);
    meta.fill(0, this.upper, this.upper + upper);
    this.header[DEPOT_COUNT] = 0;
  }

  /** How many words have a bit for a block below high water. */
  private wordsInUse(): number {
    const used = Math.min(this.header[HIGH_WATER]! >>> 0, this.table.capacity);
    return (used + BIT_MASK) >>> WORD_SHIFT;
  }

  private setBits(word: number, bits: number): void {
    const before = this.meta[this.blocks + word]!;
    if (before === 0) this.mark(word);
    this.meta[this.blocks + word] = before | bits;
  }

  private mark(word: number): void {
    const { meta } = this;
    const above = word >>> WORD_SHIFT;
    meta[this.upper + (above >>> WORD_SHIFT)]! |= 1 << (above & BIT_MASK);
    meta[this.middle + above]! |= 1 << (word & BIT_MASK);
  }

  private clearBits(word: number, bits: number): void {
    const left = this.meta[this.blocks + word]! & ~bits;
    this.meta[this.blocks + word] = left;
    if (left === 0) this.unmark(word);
  }

  private unmark(word: number): void {
    const { meta } = this;
    const above = word >>> WORD_SHIFT;
    const left = meta[this.middle + above]! & ~(1 << (word & BIT_MASK));
    meta[this.middle + above] = left;
    if (left === 0) meta[this.upper + (above >>> WORD_SHIFT)]! &= ~(1 << (above & BIT_MASK));
  }

  /** The first word of blocks, from this one on, that is not 0; NONE if there is none. */
  private nextWord(from: number): number {
    const { meta, blocks, middle, upper } = this;
    let above = from >>> WORD_SHIFT;
    if (above >= upper - middle) return NONE;
    let bits = meta[middle + above]! & (-1 << (from & BIT_MASK));
    if (bits === 0) {
      above = this.nextAbove(above + 1);
      if (above === NONE) return NONE;
      bits = meta[middle + above]!;
    }
    const word = bits === 0 ? NONE : (above << WORD_SHIFT) + lowestBit(bits);
    if (word !== NONE && word < middle - blocks && meta[blocks + word] !== 0) return word;
    throw wrongLevels(word);
  }

  /** The first word of the middle level, from this one on, that is not 0; NONE if there is none. */
  private nextAbove(from: number): number {
    const { meta, middle, upper } = this;
    const end = (upper - middle + BIT_MASK) >>> WORD_SHIFT;
    let bits = -1 << (from & BIT_MASK);
    for (let word = from >>> WORD_SHIFT; word < end; word++, bits = -1) {
      bits &= meta[upper + word]!;
      if (bits !== 0) return (word << WORD_SHIFT) + lowestBit(bits);
    }
    return NONE;
  }

  private has(block: number): boolean {
    return (this.meta[this.blocks + (block >>> WORD_SHIFT)]! & (1 << (block & BIT_MASK))) !== 0;
  }

  private valid(block: number): number {
    if (block < this.table.blockCount && this.table.tag(block) === IN_DEPOT) return block;
    throw strayBit(block);
  }
}

function strayBit(block: number): MemPoolError {
  return broken("I11", `the depot holds block ${block}, whose tag says otherwise`);
}

function wrongLevels(word: number): MemPoolError {
  return broken("I11", `the depot's bits for word ${word} contradict each other`);
}
