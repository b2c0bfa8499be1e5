import type { StateStore } from "./state_store.ts";

/** The boards from the start to `goal`, found by following the parents. */
export function pathTo<S>(store: Pick<StateStore<S>, "none" | "parent" | "load">, goal: S, cells: number): number[][] {
  const boards: number[][] = [];
  const tiles = new Uint8Array(cells);
  for (let state = goal; state !== store.none; state = store.parent(state)) {
    store.load(state, tiles);
    boards.push([...tiles]);
  }
  return boards.reverse();
}
