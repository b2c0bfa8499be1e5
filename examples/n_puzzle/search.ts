import { Expander } from "./expander.ts";
import type { Heuristic } from "./heuristic.ts";
import type { Puzzle } from "./puzzle.ts";
import type { StateStore } from "./state_store.ts";

/** A* over a store. The heuristic is consistent, so a state that was expanded has its shortest way: no reopening. */
export class Search<S> extends Expander<S> {
  readonly #store: StateStore<S>;

  constructor(store: StateStore<S>, heuristic: Heuristic, puzzle: Puzzle) {
    super(store, heuristic, puzzle);
    this.#store = store;
    const start = this.start();
    store.know(start);
    store.push(start, store.h(start));
  }

  /** Expands up to `budget` states. Returns the goal's state once it is reached, until then the store's `none`. */
  run(budget: number): S {
    const store = this.#store;
    for (let k = 0; k < budget; k++) {
      const state = store.pop();
      if (state === store.none) throw new Error("The frontier is empty: the puzzle has no solution");
      if (store.h(state) === 0) return state;
      this.expand(state);
    }
    return store.none;
  }

  /** Puts a new state on the frontier, or releases it when its board was reached before in as few moves. */
  protected override offer(state: S, g: number, h: number): void {
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
