import type { MemPoolError } from "../base/errors.ts";
import {
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
} from "./layout.ts";
import type { BlockTable } from "./block_table.ts";
import { broken, isInTable, validLength } from "./validate.ts";

/** Number of the lowest bit that is set in a word that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Bits of a word from number `from` up, which may be 32. */
function bitsFrom(word: number, from: number): number {
  return from > 31 ? 0 : word & (-1 << from);
}

// Lengths to classes: class = first level * SECOND_LEVELS + second level. Lengths below 64 have a class each; above,
// a class holds lengths that differ by less than one part in 32.

function firstLevel(length: number): number {
  return length < SECOND_LEVELS ? 0 : 32 - SECOND_LEVEL_BITS - Math.clz32(length);
}

/** The class that runs of this length are in. */
export function classOf(length: number): number {
  const level = firstLevel(length);
  return level === 0 ? length : (level << SECOND_LEVEL_BITS) + (length >>> (level - 1)) - SECOND_LEVELS;
}

/** The shortest length in a class. */
export function shortestIn(classIndex: number): number {
  const level = classIndex >>> SECOND_LEVEL_BITS;
  const step = classIndex & (SECOND_LEVELS - 1);
  return level === 0 ? step : (SECOND_LEVELS + step) << (level - 1);
}

/**
 * Segregated free lists: the free runs of similar length in one doubly linked list, and two levels of bitmaps that
 * find the first list that is not empty in constant time.
 *
 * Source: M. Masmano, I. Ripoll, A. Crespo, J. Real: "TLSF: a new dynamic memory allocator for real-time systems",
 * ECRTS 2004. Ours differs in one point: where no longer class has a run, it looks through the class of the wanted
 * length too, because "exhausted" must be the truth.
 *
 * The lists are derived: a walk over the table can build them again, and does when an owner of the lock died. Nothing here
 * follows a link that is not answered by one back: so no overwritten word makes a walk endless, or a store hit what is no
 * free run.
 */
export class FreeLists {
  declare private readonly header: Int32Array;
  declare private readonly table: BlockTable;

  constructor(header: Int32Array, table: BlockTable) {
    this.header = header;
    this.table = table;
  }

  /** Empties every list, in constant time; what the runs' links say no longer matters. */
  clear(): void {
    this.header.fill(0, FIRST_LEVEL_MAP, SECOND_LEVEL_MAPS + FIRST_LEVELS);
    this.header.fill(NONE, LIST_HEADS, LIST_HEADS + FIRST_LEVELS * SECOND_LEVELS);
  }

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

  remove(block: number, length: number): void {
    const table = this.table;
    const words = table.words;
    const word = block << DESCRIPTOR_SHIFT;
    const previous = words[word + PREVIOUS]!;
    const next = words[word + NEXT]!;
    if (next !== NONE) {
      if (words[(next << DESCRIPTOR_SHIFT) + PREVIOUS] !== block) throw this.astray(block);
      table.set(next, PREVIOUS, previous);
    }
    if (previous !== NONE) {
      if (words[(previous << DESCRIPTOR_SHIFT) + NEXT] !== block) throw this.astray(block);
      table.set(previous, NEXT, next);
    } else {
      this.removeHead(block, classOf(length), next);
    }
  }

  /** A free run of at least this length, the shortest class first; NONE when there is none. O(1) below 64 blocks. */
  find(length: number): number {
    const index = classOf(length);
    const enough = shortestIn(index) === length ? index : index + 1;
    const found = this.firstFrom(enough);
    if (found !== NONE) return this.first(found);
    return enough === index ? NONE : this.findWithin(index, length);
  }

  /** The first that suits of the shortest runs, of so many at most; else the shortest of all. NONE when there is no run. */
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

  /** How many of `count` pieces of this length the free runs are too few for; 0 when they make them all. */
  shortage(count: number, length: number): number {
    for (let index = classOf(length); count > 0 && index < FIRST_LEVELS * SECOND_LEVELS; index++) {
      if (!this.isMarked(index)) continue;
      for (let block = this.first(index); count > 0 && block !== NONE; block = this.after(block)) {
        count -= Math.floor(validLength(this.table, block) / length);
      }
    }
    return Math.max(count, 0);
  }

  /** What stands for the first run of a class's list; NONE for none. */
  head(classIndex: number): number {
    return this.header[LIST_HEADS + classIndex]!;
  }

  /** Whether the second-level bitmap says that the class's list is not empty. */
  isMarked(classIndex: number): boolean {
    const map = this.header[SECOND_LEVEL_MAPS + (classIndex >>> SECOND_LEVEL_BITS)]!;
    return (map & (1 << (classIndex & (SECOND_LEVELS - 1)))) !== 0;
  }

  /** Whether the first-level bitmap agrees with the second-level one; at a level past the last, whether its bit is off. */
  isLevelTrue(level: number): boolean {
    const marked = (this.header[FIRST_LEVEL_MAP]! & (1 << level)) !== 0;
    return marked === (level < FIRST_LEVELS && this.header[SECOND_LEVEL_MAPS + level] !== 0);
  }

  private removeHead(head: number, index: number, next: number): void {
    const header = this.header;
    if (header[LIST_HEADS + index] !== head) throw this.astray(head);
    header[LIST_HEADS + index] = next;
    if (next !== NONE) return;
    const level = index >>> SECOND_LEVEL_BITS;
    const map = header[SECOND_LEVEL_MAPS + level]! & ~(1 << (index & (SECOND_LEVELS - 1)));
    header[SECOND_LEVEL_MAPS + level] = map;
    if (map === 0) header[FIRST_LEVEL_MAP]! &= ~(1 << level);
  }

  /** First class from `index` up whose list is not empty, as the bits say; NONE for none. Where they lie, `first` finds it. */
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

  private findWithin(index: number, length: number): number {
    if (!this.isMarked(index)) return NONE;
    let block = this.first(index);
    while (block !== NONE && this.table.length(block) < length) block = this.after(block);
    return block;
  }

  /** First run of a list that is not empty, as its bit says. */
  private first(index: number): number {
    const block = this.header[LIST_HEADS + index]!;
    const { words, blockCount } = this.table;
    const word = block << DESCRIPTOR_SHIFT;
    if (block >>> 0 < blockCount && words[word + TAG] === FREE && words[word + PREVIOUS] === NONE) return block;
    throw this.wrongHead(index);
  }

  /**
   * The run after `block` in its list, or NONE. A walk comes to an end: it cannot come back to a run that it has seen,
   * which would have to point back to two others, or to one and none.
   */
  private after(block: number): number {
    const next = this.table.next(block);
    if (next === NONE) return NONE;
    const linked = isInTable(this.table, next) && this.table.isFree(next) && this.table.previous(next) === block;
    if (!linked) throw this.astray(block);
    return next;
  }

  private wrongHead(index: number): MemPoolError {
    const block = this.head(index);
    return block === NONE || index < 0 || index >= FIRST_LEVELS * SECOND_LEVELS
      ? broken("I10", `the bit of list ${index} is wrong`)
      : broken("I4", `list ${index} holds block ${block}, which is no free run of its class`);
  }

  private astray(block: number): MemPoolError {
    return broken("I4", `the free run at block ${block} is not on the list of its class`);
  }
}
