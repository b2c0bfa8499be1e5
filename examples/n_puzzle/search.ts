import type { Heuristic } from "./heuristic.ts";
import { neighbours, type Puzzle } from "./puzzle.ts";

/**
 * Where the states of a search live. A state is a board with the way that led to it; the frontier (open states by
 * f = g + h) and the set of known boards belong to the storage as well. `S` is how a state is named: an offset, an
 * object. A process runs one kind of store, so that the calls below stay monomorphic and are inlined.
 */
export interface StateStore<S> {
  /** Stands for "no state". */
  readonly none: S;

  /** Makes the state that the search starts from. */
  start(tiles: Uint8Array, blank: number, h: number): S;
  /** Copies the state's board into `tiles`; until the next call, `child` makes children of this state. */
  load(state: S, tiles: Uint8Array): void;
  /** Says that such a child will be made: what `know` must look at can be fetched meanwhile. */
  expect(tile: number, from: number, to: number): void;
  /** Makes the state in which the tile at `from` has slid to the blank at `to`; the frontier does not hold it yet. */
  child(parent: S, tile: number, from: number, to: number, g: number, h: number): S;
  /** Gives the room of a state back that nothing refers to. */
  release(state: S): void;

  g(state: S): number;
  h(state: S): number;
  blank(state: S): number;
  /** Where the blank was one move earlier; the blank's own cell for the first state. */
  previousBlank(state: S): number;
  parent(state: S): S;

  /** Makes the state the known one for its board, unless one is known already: returns that, otherwise `none`. */
  know(state: S): S;
  /** Puts a state in the place of the one that the last `know` returned. */
  replace(known: S, state: S): void;

  /** Adds the state to the frontier. */
  push(state: S, f: number): void;
  /** Takes the state with the lowest f, the newest of several, or `none`. Releases replaced states on its way. */
  pop(): S;

  /** Gives all states back at once. */
  close(): void;
}

/** What a search has done so far. */
export interface Progress {
  expanded: number;
  allocations: number;
  /** Every solution has at least this many moves: the highest f that was expanded. */
  bound: number;
  /** What `allocations` was when each bound was reached. */
  readonly boundReached: number[];
}

/** A* over a store. The heuristic is consistent, so a state that was expanded has its shortest way: no reopening. */
export class Search<S> {
  readonly progress: Progress = { expanded: 0, allocations: 0, bound: -1, boundReached: [] };
  readonly #store: StateStore<S>;
  readonly #heuristic: Heuristic;
  readonly #tiles: Uint8Array;
  /** The cells beside each cell, four to a cell, -1 where the board ends. */
  readonly #neighbours: Int8Array;
  /** The moves of the state that is being expanded. */
  readonly #moves = new Int8Array(4);

  constructor(store: StateStore<S>, heuristic: Heuristic, puzzle: Puzzle) {
    this.#store = store;
    this.#heuristic = heuristic;
    this.#tiles = puzzle.tiles.slice();
    this.#neighbours = new Int8Array(4 * puzzle.tiles.length).fill(-1);
    for (let cell = 0; cell < puzzle.tiles.length; cell++) {
      this.#neighbours.set(neighbours(puzzle.size, cell), 4 * cell);
    }
    const h = heuristic.of(puzzle.tiles);
    const start = store.start(puzzle.tiles, puzzle.tiles.indexOf(0), h);
    this.progress.allocations = 1;
    store.know(start);
    store.push(start, h);
  }

  /** Expands up to `budget` states. Returns the goal's state once it is reached, until then the store's `none`. */
  run(budget: number): S {
    const store = this.#store;
    for (let k = 0; k < budget; k++) {
      const state = store.pop();
      if (state === store.none) throw new Error("The frontier is empty: the puzzle has no solution");
      if (store.h(state) === 0) return state;
      this.#expand(state);
    }
    return store.none;
  }

  #expand(state: S): void {
    const store = this.#store;
    const tiles = this.#tiles;
    const g = store.g(state);
    const h = store.h(state);
    const blank = store.blank(state);
    store.load(state, tiles);
    this.progress.expanded++;
    if (g + h > this.progress.bound) this.#raiseBound(g + h);
    const moves = this.#listMoves(blank, store.previousBlank(state));
    for (let k = 0; k < moves; k++) {
      const from = this.#moves[k]!;
      const change = this.#heuristic.change(tiles, from, blank);
      this.progress.allocations++;
      this.#offer(store.child(state, tiles[from]!, from, blank, g + 1, h + change), g + 1, h + change);
    }
  }

  /** Lists the cells whose tile can move, but not the one that takes the last move back. Returns their number. */
  #listMoves(blank: number, previousBlank: number): number {
    let count = 0;
    for (let k = 4 * blank, end = k + 4; k < end; k++) {
      const from = this.#neighbours[k]!;
      if (from < 0) break;
      if (from === previousBlank) continue;
      this.#store.expect(this.#tiles[from]!, from, blank);
      this.#moves[count++] = from;
    }
    return count;
  }

  #raiseBound(f: number): void {
    this.progress.bound = f;
    this.progress.boundReached.push(this.progress.allocations);
  }

  /** Puts a new state on the frontier, or releases it when its board was reached before in as few moves. */
  #offer(state: S, g: number, h: number): void {
    const store = this.#store;
    const known = store.know(state);
    if (known !== store.none) {
      if (store.g(known) <= g) {
        store.release(state);
        return;
      }
      store.replace(known, state);
    }
    store.push(state, g + h);
  }
}
