import { BLOCK_CAPACITY, HIGH_WATER, HIGH_WATER_TURNED, ZEROED_BLOCKS } from "./layout.ts";
import { broken } from "./validate.ts";

const BITS = 32;
const BIT_SHIFT = 5;
const ALL = -1;

/** Bits of a word from number `from` to the one before `to`, which may be 32. */
function bitsBetween(from: number, to: number): number {
  const below = to >= BITS ? ALL : (1 << to) - 1;
  return below & (ALL << from);
}

function countBits(word: number): number {
  let pairs = word - ((word >>> 1) & 0x55555555);
  pairs = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((pairs + (pairs >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Which free blocks are all zeros: those above high water, which were never used, and those that this map marks, because
 * their memory went back to the system. A mark is gone before its block is used. The caller holds the lock.
 *
 * ZEROED_BLOCKS is never less than the number of marks, whenever a worker dies: as long as it is 0 nobody looks here.
 */
export class ZeroMap {
  declare private readonly header: Int32Array;
  declare private readonly words: Int32Array;
  private dirtyUpTo = 0;

  constructor(header: Int32Array, words: Int32Array) {
    this.header = header;
    this.words = words;
  }

  /** After `use`: of the blocks that were used then, those from this one up are zero. */
  get dirtyEnd(): number {
    return this.dirtyUpTo;
  }

  /** Blocks from this one up are zero. Were it too low by accident, `calloc` would hand out what is not: it stands twice. */
  get highWater(): number {
    const highWater = this.header[HIGH_WATER]!;
    if (this.header[HIGH_WATER_TURNED] === ~highWater) return highWater;
    throw broken("I9", `high water is said to be ${highWater}`);
  }

  set highWater(block: number) {
    this.header[HIGH_WATER] = block;
    this.header[HIGH_WATER_TURNED] = ~block;
  }

  /** The blocks from `first` to the one before `end` are handed out or cached from now on. */
  use(first: number, end: number): void {
    const highWater = this.highWater;
    this.dirtyUpTo = Math.min(end, highWater);
    if (this.header[ZEROED_BLOCKS] !== 0) {
      this.dirtyUpTo = this.endOfUnmarked(first, this.dirtyUpTo);
      this.clear(first, end);
    }
    if (end > highWater) this.highWater = end;
  }

  /** The next block from `from` on that is marked, or is not; `end` if none is before. */
  next(marked: boolean, from: number, end: number): number {
    const skip = marked ? 0 : ALL;
    for (let block = from; block < end;) {
      const word = this.words[block >>> BIT_SHIFT]! ^ skip;
      const found = word & (ALL << (block & (BITS - 1)));
      if (found !== 0) return Math.min(end, (block & -BITS) + 31 - Math.clz32(found & -found));
      block = (block & -BITS) + BITS;
    }
    return end;
  }

  /** Marks blocks that are zero now. */
  mark(first: number, end: number): void {
    this.header[ZEROED_BLOCKS]! += end - first - this.count(first, end);
    this.visit(first, end, (place, bits) => this.words[place]! |= bits);
  }

  /** Takes marks away. */
  clear(first: number, end: number): void {
    const marks = this.count(first, end);
    this.visit(first, end, (place, bits) => this.words[place]! &= ~bits);
    this.header[ZEROED_BLOCKS]! -= marks;
  }

  /** Marks on the blocks from `first` to the one before `end`. */
  count(first: number, end: number): number {
    let marks = 0;
    this.visit(first, end, (place, bits) => marks += countBits(this.words[place]! & bits));
    return marks;
  }

  /** After a worker has died that may have been changing something: counts the marks again, and sets high water again. */
  repair(): void {
    const header = this.header;
    const capacity = Math.min(header[BLOCK_CAPACITY]!, this.words.length * BITS);
    // Of two that differ the higher one is safe.
    const possible = [header[HIGH_WATER]!, ~header[HIGH_WATER_TURNED]!].filter((high) => high >= 0 && high <= capacity);
    this.highWater = possible.length === 0 ? capacity : Math.max(...possible);
    if (header[ZEROED_BLOCKS] !== 0) header[ZEROED_BLOCKS] = this.count(0, capacity);
  }

  /** One more than the last block from `first` to the one before `end` that is not marked; `first` if all are. */
  private endOfUnmarked(first: number, end: number): number {
    while (end > first) {
      const from = Math.max(first, (end - 1) & -BITS);
      const free = ~this.words[from >>> BIT_SHIFT]! & bitsBetween(from & (BITS - 1), ((end - 1) & (BITS - 1)) + 1);
      if (free !== 0) return (from & -BITS) + BITS - Math.clz32(free);
      end = from;
    }
    return first;
  }

  private visit(first: number, end: number, visit: (place: number, bits: number) => void): void {
    for (let block = first; block < end;) {
      const next = Math.min(end, (block & -BITS) + BITS);
      visit(block >>> BIT_SHIFT, bitsBetween(block & (BITS - 1), ((next - 1) & (BITS - 1)) + 1));
      block = next;
    }
  }
}
