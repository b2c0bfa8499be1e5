import type { MemPoolError } from "../base/errors.ts";
import type { BlockTable } from "./block_table.ts";
import * as layout from "./layout.ts";
import { broken, isInTable, validLength } from "./validate.ts";

// Constants of this module: rule 1 in src/cache/block_cache.ts.
const {
  DESCRIPTOR_SHIFT,
  FIRST_LEVEL_MAP,
  FIRST_LEVELS,
  FREE,
  LIST_HEADS,
  NEXT,
  NONE,
  PREVIOUS,
  SECOND_LEVEL_BITS,
  SECOND_LEVEL_MAPS,
  SECOND_LEVELS,
  TAG,
} = layout;

/** The number of the lowest bit that is set in a word, which must not be 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** The bits of a word from number `from` up. `from` may be 32, for which a shift would not work. */
function bitsFrom(word: number, from: number): number {
  return from > 31 ? 0 : word & (-1 << from);
}

// Classes of lengths: class = first level * SECOND_LEVELS + second level. Each length below 64 has a class of its own.
// From 64 up, the lengths in one class differ by less than 1/32.

function firstLevel(length: number): number {
  return length < SECOND_LEVELS ? 0 : 32 - SECOND_LEVEL_BITS - Math.clz32(length);
}

/** The class of a run of this length. */
export function classOf(length: number): number {
  const level = firstLevel(length);
  return level === 0 ? length : (level << SECOND_LEVEL_BITS) + (length >>> (level - 1)) - SECOND_LEVELS;
}

/** The shortest length of a class. */
export function shortestIn(classIndex: number): number {
  const level = classIndex >>> SECOND_LEVEL_BITS;
  const step = classIndex & (SECOND_LEVELS - 1);
  return level === 0 ? step : (SECOND_LEVELS + step) << (level - 1);
}

/**
 * Segregated free lists: free runs of similar length are in one doubly linked list, and two levels of bitmaps find the
 * first list that is not empty in constant time. The caller holds the lock.
 *
 * Source: M. Masmano, I. Ripoll, A. Crespo, J. Real: "TLSF: a new dynamic memory allocator for real-time systems",
 * ECRTS 2004. This implementation differs in one point: if no longer class has a run, it also searches the class of the
 * wanted length, because "exhausted" must be the truth.
 *
 * The lists are derived data: src/allocator/recovery.ts rebuilds them by a walk over the table. Each link is checked
 * against its back link before it is followed, so a corrupted word can neither make a walk endless nor direct a store
 * to a block that is not the first of a free run.
 */
export class FreeLists {
  declare private readonly header: Int32Array;
  declare private readonly table: BlockTable;

  constructor(header: Int32Array, table: BlockTable) {
    this.header = header;
    this.table = table;
  }

  /** Empties every list in constant time. Links in descriptors mean nothing until their runs are inserted again. */
  clear(): void {
    this.header.fill(0, FIRST_LEVEL_MAP, SECOND_LEVEL_MAPS + FIRST_LEVELS);
    this.header.fill(NONE, LIST_HEADS, LIST_HEADS + FIRST_LEVELS * SECOND_LEVELS);
  }

  /** Puts the free run at `block`, which is in no list, first in the list of its class. */
  insert(block: number, length: number): void {
    const header = this.header;
    const table = this.table;
    const index = classOf(length);
    const head = header[LIST_HEADS + index]!;
    table.set(block, PREVIOUS, NONE);
    table.set(block, NEXT, head);
    if (head !== NONE) {
      if (table.words[(head << DESCRIPTOR_SHIFT) + PREVIOUS] !== NONE) throw this.wrongHead(index);
      table.set(head, PREVIOUS, block);
    }
    header[LIST_HEADS + index] = block;
    header[SECOND_LEVEL_MAPS + (index >>> SECOND_LEVEL_BITS)]! |= 1 << (index & (SECOND_LEVELS - 1));
    header[FIRST_LEVEL_MAP]! |= 1 << (index >>> SECOND_LEVEL_BITS);
  }

  /** Takes the free run at `block` out of the list of its class. */
  remove(block: number, length: number): void {
    const table = this.table;
    const words = table.words;
    const word = block << DESCRIPTOR_SHIFT;
    const previous = words[word + PREVIOUS]!;
    const next = words[word + NEXT]!;
    if (next !== NONE) {
      if (words[(next << DESCRIPTOR_SHIFT) + PREVIOUS] !== block) throw this.notListed(block);
      table.set(next, PREVIOUS, previous);
    }
    if (previous !== NONE) {
      if (words[(previous << DESCRIPTOR_SHIFT) + NEXT] !== block) throw this.notListed(block);
      table.set(previous, NEXT, next);
    } else {
      this.removeHead(block, classOf(length), next);
    }
  }

  /**
   * A free run of at least this length, from the shortest class that has one; NONE if there is none. In constant time
   * for lengths below 64 blocks.
   */
  find(length: number): number {
    const index = classOf(length);
    const enough = shortestIn(index) === length ? index : index + 1;
    const found = this.firstFrom(enough);
    if (found !== NONE) return this.first(found);
    return enough === index ? NONE : this.findWithin(index, length);
  }

  /**
   * The first of the shortest runs that `suits` accepts. After `looks` runs it settles for the shortest run of all.
   * NONE if there is no run.
   */
  findShortest(looks: number, suits: (block: number) => boolean): number {
    const shortest = this.find(1);
    let block = shortest;
    for (let left = looks; left > 0 && block !== NONE; left--) {
      if (suits(block)) return block;
      const next = this.after(block);
      block = next === NONE ? this.find(validLength(this.table, block) + 1) : next;
    }
    return shortest;
  }

  /** How many of `count` runs of this length cannot be cut from the free runs; 0 if all of them can. */
  shortage(count: number, length: number): number {
    for (let index = classOf(length); count > 0 && index < FIRST_LEVELS * SECOND_LEVELS; index++) {
      if (!this.isMarked(index)) continue;
      for (let block = this.first(index); count > 0 && block !== NONE; block = this.after(block)) {
        count -= Math.floor(validLength(this.table, block) / length);
      }
    }
    return Math.max(count, 0);
  }

  /** The first run of a class's list as the header has it, not validated; NONE for an empty list. */
  head(classIndex: number): number {
    return this.header[LIST_HEADS + classIndex]!;
  }

  /** Whether the second-level bitmap says that the class's list is not empty. */
  isMarked(classIndex: number): boolean {
    const map = this.header[SECOND_LEVEL_MAPS + (classIndex >>> SECOND_LEVEL_BITS)]!;
    return (map & (1 << (classIndex & (SECOND_LEVELS - 1)))) !== 0;
  }

  /** Whether the first-level bitmap agrees with the second-level one. At a level past the last, its bit must be off. */
  isLevelTrue(level: number): boolean {
    const marked = (this.header[FIRST_LEVEL_MAP]! & (1 << level)) !== 0;
    return marked === (level < FIRST_LEVELS && this.header[SECOND_LEVEL_MAPS + level] !== 0);
  }

  private removeHead(head: number, index: number, next: number): void {
    const header = this.header;
    if (header[LIST_HEADS + index] !== head) throw this.notListed(head);
    header[LIST_HEADS + index] = next;
    if (next !== NONE) return;
    const level = index >>> SECOND_LEVEL_BITS;
    const map = header[SECOND_LEVEL_MAPS + level]! & ~(1 << (index & (SECOND_LEVELS - 1)));
    header[SECOND_LEVEL_MAPS + level] = map;
    if (map === 0) header[FIRST_LEVEL_MAP]! &= ~(1 << level);
  }

  /** The first class from `index` up whose bit is set, or NONE. If a bit is wrong, `first` finds that out. */
  private firstFrom(index: number): number {
    const header = this.header;
    let level = index >>> SECOND_LEVEL_BITS;
    if (level >= FIRST_LEVELS) return NONE;
    let map = bitsFrom(header[SECOND_LEVEL_MAPS + level]!, index & (SECOND_LEVELS - 1));
    if (map === 0) {
      const levels = bitsFrom(header[FIRST_LEVEL_MAP]!, level + 1);
      if (levels === 0) return NONE;
      level = lowestBit(levels);
      map = header[SECOND_LEVEL_MAPS + level]!;
    }
    return (level << SECOND_LEVEL_BITS) + lowestBit(map);
  }

  /** A run of at least this length in a class that also has shorter runs, or NONE. */
  private findWithin(index: number, length: number): number {
    if (!this.isMarked(index)) return NONE;
    let block = this.first(index);
    while (block !== NONE && this.table.length(block) < length) block = this.after(block);
    return block;
  }

  /** The first run of a list whose bit says that it is not empty. */
  private first(index: number): number {
    const block = this.header[LIST_HEADS + index]!;
    const { words, blockCount } = this.table;
    const word = block << DESCRIPTOR_SHIFT;
    if (block >>> 0 < blockCount && words[word + TAG] === FREE && words[word + PREVIOUS] === NONE) return block;
    throw this.wrongHead(index);
  }

  /**
   * The run after `block` in its list, or NONE. A walk ends, because it cannot come back to a run that it has passed:
   * that run's back link would have to name two different runs, or one run and NONE.
   */
  private after(block: number): number {
    const next = this.table.next(block);
    if (next === NONE) return NONE;
    const linked = isInTable(this.table, next) && this.table.isFree(next) && this.table.previous(next) === block;
    if (!linked) throw this.notListed(block);
    return next;
  }

  /** The error for a list whose bit or whose head is wrong. */
  private wrongHead(index: number): MemPoolError {
    const block = this.head(index);
    return block === NONE || index < 0 || index >= FIRST_LEVELS * SECOND_LEVELS
      ? broken("I10", `the bit of list ${index} is wrong`)
      : broken("I4", `list ${index} holds block ${block}, which is not a free run of its class`);
  }

  private notListed(block: number): MemPoolError {
    return broken("I4", `the free run at block ${block} is not on the list of its class`);
  }
}
