import {
  FIRST_LEVEL_MAP,
  FIRST_LEVELS,
  LIST_HEADS,
  NEXT,
  NONE,
  PREVIOUS,
  SECOND_LEVEL_BITS,
  SECOND_LEVEL_MAPS,
  SECOND_LEVELS,
} from "./layout.ts";
import type { BlockTable } from "./table.ts";

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
 * The lists are derived: a walk over the table can build them again, and does when an owner of the lock died.
 */
export class FreeLists {
  readonly #header: Int32Array;
  readonly #table: BlockTable;

  constructor(header: Int32Array, table: BlockTable) {
    this.#header = header;
    this.#table = table;
  }

  /** Empties every list, in constant time; what the runs' links say no longer matters. */
  clear(): void {
    this.#header.fill(0, FIRST_LEVEL_MAP, SECOND_LEVEL_MAPS + FIRST_LEVELS);
    this.#header.fill(NONE, LIST_HEADS, LIST_HEADS + FIRST_LEVELS * SECOND_LEVELS);
  }

  insert(block: number, length: number): void {
    const header = this.#header;
    const table = this.#table;
    const index = classOf(length);
    const head = header[LIST_HEADS + index]!;
    table.set(block, PREVIOUS, NONE);
    table.set(block, NEXT, head);
    if (head !== NONE) table.set(head, PREVIOUS, block);
    header[LIST_HEADS + index] = block;
    header[SECOND_LEVEL_MAPS + (index >>> SECOND_LEVEL_BITS)]! |= 1 << (index & (SECOND_LEVELS - 1));
    header[FIRST_LEVEL_MAP]! |= 1 << (index >>> SECOND_LEVEL_BITS);
  }

  remove(block: number, length: number): void {
    const table = this.#table;
    const previous = table.previous(block);
    const next = table.next(block);
    if (next !== NONE) table.set(next, PREVIOUS, previous);
    if (previous !== NONE) table.set(previous, NEXT, next);
    else this.#setHead(classOf(length), next);
  }

  /** A free run of at least this length, the shortest class first; NONE when there is none. O(1) below 64 blocks. */
  find(length: number): number {
    const index = classOf(length);
    const enough = shortestIn(index) === length ? index : index + 1;
    const found = this.#firstFrom(enough);
    if (found !== NONE) return this.#header[LIST_HEADS + found]!;
    return enough === index ? NONE : this.#findWithin(index, length);
  }

  /** How many of `count` pieces of this length the free runs are too few for; 0 when they make them all. */
  shortage(count: number, length: number): number {
    for (let index = classOf(length); count > 0 && index < FIRST_LEVELS * SECOND_LEVELS; index++) {
      for (let block = this.head(index); count > 0 && block !== NONE; block = this.#table.next(block)) {
        count -= Math.floor(this.#table.length(block) / length);
      }
    }
    return Math.max(count, 0);
  }

  /** First run of a class's list, or NONE. */
  head(classIndex: number): number {
    return this.#header[LIST_HEADS + classIndex]!;
  }

  /** Whether the second-level bitmap says that the class's list is not empty. */
  isMarked(classIndex: number): boolean {
    const map = this.#header[SECOND_LEVEL_MAPS + (classIndex >>> SECOND_LEVEL_BITS)]!;
    return (map & (1 << (classIndex & (SECOND_LEVELS - 1)))) !== 0;
  }

  /** Whether the first-level bitmap agrees with the second-level one. */
  isLevelTrue(level: number): boolean {
    const marked = (this.#header[FIRST_LEVEL_MAP]! & (1 << level)) !== 0;
    return marked === (this.#header[SECOND_LEVEL_MAPS + level] !== 0);
  }

  #setHead(index: number, block: number): void {
    const header = this.#header;
    header[LIST_HEADS + index] = block;
    if (block !== NONE) return;
    const level = index >>> SECOND_LEVEL_BITS;
    const map = header[SECOND_LEVEL_MAPS + level]! & ~(1 << (index & (SECOND_LEVELS - 1)));
    header[SECOND_LEVEL_MAPS + level] = map;
    if (map === 0) header[FIRST_LEVEL_MAP]! &= ~(1 << level);
  }

  #firstFrom(index: number): number {
    const header = this.#header;
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

  #findWithin(index: number, length: number): number {
    let block = this.head(index);
    while (block !== NONE && this.#table.length(block) < length) block = this.#table.next(block);
    return block;
  }
}
