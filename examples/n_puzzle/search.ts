import { Expander } from "./expander.ts";
import type { Heuristic } from "./heuristic.ts";
import type { Puzzle } from "./puzzle.ts";
import type { StateStore } from "./state_store.ts";
import { NO_LIMIT } from "./stores/bucket_queue.ts";

/**
 * A* over a store. The heuristic is consistent, so an expanded state has its shortest path and is never reopened. A
 * move that reaches the goal does not change f, so the first solution found is a shortest one.
 */
export class Search<S> extends Expander<S> {
  readonly #store: StateStore<S>;
  #goal: S;

  constructor(store: StateStore<S>, heuristic: Heuristic, puzzle: Puzzle) {
    super(store, heuristic, puzzle);
    this.#store = store;
    this.#goal = store.none;
    const start = this.start();
    this.offer(start, 0, store.h(start));
  }

  /**
   * Expands up to `budget` states. Returns the state of the goal if it has been reached, and the store's `none` if not.
   */
  run(budget: number): S {
    const { none } = this.#store;
    for (let k = 0; k < budget && this.#goal === none; k++) {
      const state = this.next(NO_LIMIT);
      if (state === none) throw new Error("The frontier is empty: the puzzle has no solution");
      this.expand(state);
    }
    return this.#goal;
  }

  protected override offer(state: S, _g: number, h: number): void {
    if (h === 0) this.#goal = state;
    else this.duplicates.add(state);
  }
}
