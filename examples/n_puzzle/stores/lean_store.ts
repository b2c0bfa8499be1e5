import type { StateStore } from "../state_store.ts";
import { ArrayStacks } from "./array_stacks.ts";
import { BucketQueue } from "./bucket_queue.ts";
import { type LeanBoards, leanBoards } from "./lean_boards.ts";
import { type LeanState, LeanTable } from "./lean_table.ts";

// The `packed` of a state: g << G | h << H | cell of the blank << BLANK | direction of the last move. h is below 1400 even
// on boards of 10×10, and no memory suffices for a search that reaches a g of 4096.
const G = 20;
const H = 9;
const H_MASK = 0x7ff;
const BLANK = 2;
const BLANK_MASK = 0x7f;
const DIRECTION_MASK = 3;

/** The `packed` of a state for whose board a shorter path was found. */
const REPLACED = -1;

/**
 * The honest control for the pool: the fastest store that we could write in plain JavaScript, without typed arrays for
 * the states and without memory management by hand. A state is an object literal of three integers: two for the board,
 * and one for g, h, the blank and the direction of the last move. There is no reference to the parent, because undoing
 * the last move gives the board of the parent. The known boards are in a hash table that is a plain array.
 *
 * These alternatives lost. The search made ten million states of a 4×4 puzzle; times (the best of three runs) and peaks
 * of memory are multiples of this store's, on Deno 2.9.6 and Bun 1.4.5:
 *
 *                                                              Deno: time  memory    Bun: time  memory
 *     a class instance, not a literal                             1.6       1.2         1.0       1.0
 *     with a reference to the parent, and nothing packed          1.0       1.2         0.9       1.1
 *     without reading ahead in `expect`                           1.2       1.0         1.4       1.0
 *     a hash table of chains, linked through the states           1.3       1.1         1.3       0.8
 *     a Map, keyed by the hash, of such chains                    1.5       1.7         1.9       1.3
 *     a Map, keyed by the board as the 64 bits of a number        2.6       1.9         2.2       1.3
 *     such Maps of numbers, without an object for a state         2.9       1.2         1.8       1.0
 *     a Map, keyed by the board as a bigint                       2.5       2.0         4.1       1.5
 *     a Map, keyed by the board as a string                       4.1       2.4         3.4       2.1
 *     numbers in plain arrays; a state is an index                1.2       2.9         1.0       1.1
 *     a hash table of numbers in a plain array                    1.1       2.3         1.0       1.2
 *
 * The last two manage memory by hand, as the benchmarks' arena does with typed arrays. Literals are faster than
 * instances on Deno because V8 notices that the literals of `child` survive, and allocates them in the old generation
 * at once.
 */
export class LeanStore implements StateStore<LeanState | null> {
  readonly none = null;
  readonly #boards: LeanBoards;
  readonly #table: LeanTable;
  readonly #queue = new BucketQueue<LeanState | null>(null, new ArrayStacks());
  readonly #size: number;
  /** How far the blank has to move to undo the last move, by the low bits of `packed`. */
  readonly #back: readonly number[];
  /** Scratch of `parent`. */
  readonly #tiles: Uint8Array;

  constructor(cells: number) {
    this.#boards = leanBoards(cells);
    this.#table = new LeanTable(this.#boards);
    this.#size = Math.sqrt(cells);
    this.#back = [-this.#size, -1, 1, this.#size];
    this.#tiles = new Uint8Array(cells);
  }

  start(tiles: Uint8Array, blank: number, h: number): LeanState {
    const boards = this.#boards;
    boards.encode(tiles);
    return { low: boards.low, high: boards.high, packed: h << H | blank << BLANK };
  }

  load(state: LeanState, tiles: Uint8Array): void {
    this.#boards.decode(state.low, state.high, tiles);
  }

  child(_parent: LeanState, tile: number, from: number, to: number, g: number, h: number): LeanState {
    const boards = this.#boards;
    boards.slide(tile, from, to);
    const step = to - from;
    const size = this.#size;
    const back = step === -size ? 0 : step === -1 ? 1 : step === 1 ? 2 : 3;
    return { low: boards.low, high: boards.high, packed: g << G | h << H | from << BLANK | back };
  }

  /** The garbage collector frees what is no longer referenced. */
  release(): void {}

  g(state: LeanState): number {
    return state.packed >>> G;
  }

  h(state: LeanState): number {
    return state.packed >>> H & H_MASK;
  }

  blank(state: LeanState): number {
    return state.packed >>> BLANK & BLANK_MASK;
  }

  previousBlank(state: LeanState): number {
    const blank = this.blank(state);
    return this.g(state) === 0 ? blank : blank + this.#back[state.packed & DIRECTION_MASK]!;
  }

  parent(state: LeanState): LeanState | null {
    if (this.g(state) === 0) return null;
    const tiles = this.#tiles;
    this.load(state, tiles);
    const previous = this.previousBlank(state);
    this.#boards.slide(tiles[previous]!, previous, this.blank(state));
    return this.#table.find(this.#boards.low, this.#boards.high);
  }

  expect(states: readonly (LeanState | null)[], count: number): void {
    this.#table.fetch(states, count);
  }

  know(state: LeanState): LeanState | null {
    return this.#table.know(state);
  }

  replace(known: LeanState, state: LeanState): void {
    this.#table.replaceFound(state);
    known.packed = REPLACED;
  }

  push(state: LeanState): void {
    const h = this.h(state);
    this.#queue.push(state, this.g(state) + h, h);
  }

  pop(limit: number): LeanState | null {
    let state = this.#queue.pop(limit);
    while (state !== null && state.packed === REPLACED) state = this.#queue.pop(limit);
    return state;
  }

  close(): void {}
}
