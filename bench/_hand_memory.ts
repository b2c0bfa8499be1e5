/**
 * The controls of the puzzle: the states of its store by arithmetic on typed arrays, written by hand. One has them at
 * offsets of a pool. The other one is an arena that does no more than this search needs.
 */

import type { MemPool } from "../mod.ts";
import {
  NONE,
  recordBytes,
  type StateMemory,
  type StateRecords,
  StoreFullError,
  type Words,
} from "../examples/n_puzzle/stores/records.ts";

/** A reference is the offset of a state in units of 16 bytes, so that 31 bits address 32 GiB. */
const UNIT = 16;
const WORDS = UNIT / 4;

// The words of a state. Two have two values each; the tiles follow.
const PARENT = 0;
const LINK = 1;
const COSTS = 2;
const BLANKS = 3;
const TILES = 4;

class HandGet {
  readonly #words: Words;

  constructor(words: Words) {
    this.#words = words;
  }

  parent(ref: number): number {
    return this.#words[ref * WORDS + PARENT]!;
  }

  link(ref: number): number {
    return this.#words[ref * WORDS + LINK]!;
  }

  g(ref: number): number {
    return this.#words[ref * WORDS + COSTS]! >>> 16;
  }

  h(ref: number): number {
    return this.#words[ref * WORDS + COSTS]! & 0xffff;
  }

  blank(ref: number): number {
    return this.#words[ref * WORDS + BLANKS]! & 0xff;
  }

  previousBlank(ref: number): number {
    return this.#words[ref * WORDS + BLANKS]! >>> 8;
  }

  tiles(ref: number, word: number): number {
    return this.#words[ref * WORDS + TILES + word]!;
  }
}

/** Each of two values in one word is stored after the one that it clears. */
class HandSet {
  readonly #words: Words;

  constructor(words: Words) {
    this.#words = words;
  }

  parent(ref: number, parent: number): void {
    this.#words[ref * WORDS + PARENT] = parent;
  }

  link(ref: number, link: number): void {
    this.#words[ref * WORDS + LINK] = link;
  }

  g(ref: number, g: number): void {
    this.#words[ref * WORDS + COSTS] = g << 16;
  }

  h(ref: number, h: number): void {
    this.#words[ref * WORDS + COSTS]! |= h;
  }

  blank(ref: number, blank: number): void {
    this.#words[ref * WORDS + BLANKS] = blank;
  }

  previousBlank(ref: number, blank: number): void {
    this.#words[ref * WORDS + BLANKS]! |= blank << 8;
  }

  tiles(ref: number, word: number, tiles: number): void {
    this.#words[ref * WORDS + TILES + word] = tiles;
  }
}

/** At offsets of a pool. */
export class OffsetMemory implements StateMemory {
  readonly states: StateRecords;
  readonly #pool: MemPool;

  constructor(pool: MemPool, cells: number) {
    this.#pool = pool;
    const bytes = recordBytes(cells);
    const words = new Int32Array(pool.buffer, 0, Math.floor(pool.size / 4));
    this.states = {
      get: new HandGet(words),
      set: new HandSet(words),
      alloc: () => {
        const offset = pool.allocOffset(bytes);
        return offset < 0 ? NONE : offset / UNIT;
      },
      free: (ref) => pool.freeOffset(ref * UNIT),
    };
  }

  allocateTable(words: number): Words {
    const offset = this.#pool.allocOffset(4 * words);
    if (offset < 0) throw new StoreFullError();
    return new Int32Array(this.#pool.buffer, offset, words);
  }

  releaseTable(table: Words): void {
    this.#pool.freeOffset(table.byteOffset);
  }

  close(): void {
    this.#pool.destroy();
  }
}

/** In an arena with a list of the states that were freed. Its tables are arrays of their own. */
export class ArenaMemory implements StateMemory {
  readonly states: StateRecords;

  constructor(memory: number, cells: number) {
    const units = Math.ceil(recordBytes(cells) / UNIT);
    const end = Math.floor(memory / UNIT) - units;
    const words = new Int32Array(Math.floor(memory / 4));
    let fresh = 0;
    let first = NONE;
    this.states = {
      get: new HandGet(words),
      set: new HandSet(words),
      alloc: () => {
        const ref = first;
        if (ref !== NONE) {
          first = words[ref * WORDS + LINK]!;
          return ref;
        }
        if (fresh > end) return NONE;
        fresh += units;
        return fresh - units;
      },
      free: (ref) => {
        words[ref * WORDS + LINK] = first;
        first = ref;
      },
    };
  }

  allocateTable(words: number): Words {
    return new Int32Array(words);
  }

  releaseTable(): void {}

  close(): void {}
}
