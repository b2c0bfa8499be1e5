import { DuplicateDetection } from "./duplicate_detection.ts";
import type { Heuristic } from "./heuristic.ts";
import { neighbours, type Puzzle } from "./puzzle.ts";
import type { StateStore } from "./state_store.ts";

/** How far a search is. */
export interface Progress {
  expanded: number;
  allocations: number;
  /** The highest f that was expanded. Until the first expansion it is lower than the f of the start. */
  bound: number;
  /** The value of `allocations` when each bound was reached: from the f of the start, in steps of two. */
  readonly boundReached: number[];
}

/** Makes the children of states. The search decides what happens to them. */
export abstract class Expander<S> {
  readonly progress: Progress;
  protected readonly duplicates: DuplicateDetection<S>;
  readonly #store: StateStore<S>;
  readonly #heuristic: Heuristic;
  readonly #tiles: Uint8Array;
  /** Four entries for each cell: its neighbours, then -1. */
  readonly #neighbours: Int8Array;
  /** The moves of the state that is being expanded. */
  readonly #moves = new Int8Array(4);
  /** The f of the state that was expanded last. */
  #f = 0;

  constructor(store: StateStore<S>, heuristic: Heuristic, puzzle: Puzzle) {
    this.duplicates = new DuplicateDetection(store);
    this.#store = store;
    this.#heuristic = heuristic;
    this.#tiles = puzzle.tiles.slice();
    this.#neighbours = new Int8Array(4 * puzzle.tiles.length).fill(-1);
    for (let cell = 0; cell < puzzle.tiles.length; cell++) {
      this.#neighbours.set(neighbours(puzzle.size, cell), 4 * cell);
    }
    this.progress = { expanded: 0, allocations: 0, bound: heuristic.of(puzzle.tiles) - 2, boundReached: [] };
  }

  /** Receives a new state. */
  protected abstract offer(state: S, g: number, h: number): void;

  /** Makes the state that the search starts from. Must be called before anything is expanded. */
  protected start(): S {
    const tiles = this.#tiles;
    this.progress.allocations++;
    return this.#store.start(tiles, tiles.indexOf(0), this.#heuristic.of(tiles));
  }

  /**
   * Returns the state to expand next, which has the lowest f below `limit`, or the store's `none`. While the frontier
   * has states with the current f, no state that waits for its lookup can be better, because children never have a
   * lower f.
   */
  protected next(limit: number): S {
    const store = this.#store;
    const state = store.pop(Math.min(this.#f + 1, limit));
    if (state !== store.none) return state;
    this.duplicates.settle();
    return store.pop(limit);
  }

  /** Offers all children of a state except the one that undoes the last move. */
  protected expand(state: S): void {
    const store = this.#store;
    const tiles = this.#tiles;
    const g = store.g(state);
    const h = store.h(state);
    const blank = store.blank(state);
    store.load(state, tiles);
    this.progress.expanded++;
    this.#f = g + h;
    if (this.#f > this.progress.bound) this.#raiseBound(this.#f);
    const moves = this.#listMoves(blank, store.previousBlank(state));
    for (let k = 0; k < moves; k++) {
      const from = this.#moves[k]!;
      const change = this.#heuristic.change(tiles, from, blank);
      this.progress.allocations++;
      this.offer(store.child(state, tiles[from]!, from, blank, g + 1, h + change), g + 1, h + change);
    }
  }

  /** Lists the cells whose tile can move, except the move that undoes the last one. Returns their number. */
  #listMoves(blank: number, previousBlank: number): number {
    let count = 0;
    for (let k = 4 * blank, end = k + 4; k < end; k++) {
      const from = this.#neighbours[k]!;
      if (from < 0) break;
      if (from === previousBlank) continue;
      this.#moves[count++] = from;
    }
    return count;
  }

  /** The steps are two because a move changes f by 0 or 2. */
  #raiseBound(f: number): void {
    const { progress } = this;
    for (; progress.bound < f; progress.bound += 2) progress.boundReached.push(progress.allocations);
  }
}
