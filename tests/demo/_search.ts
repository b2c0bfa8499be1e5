/** Solves puzzles in this process, and by another way: breadth first. */

import { Heuristic } from "../../examples/n_puzzle/heuristic.ts";
import { loadStore } from "../../examples/n_puzzle/load_store.ts";
import type { StoreName } from "../../examples/n_puzzle/options.ts";
import { pathTo } from "../../examples/n_puzzle/path.ts";
import { goalTiles, neighbours, type Puzzle } from "../../examples/n_puzzle/puzzle.ts";
import type { Progress } from "../../examples/n_puzzle/expander.ts";
import { Search } from "../../examples/n_puzzle/search.ts";
import type { StateStore } from "../../examples/n_puzzle/state_store.ts";
import { ArenaRecords } from "../../examples/n_puzzle/stores/arena_records.ts";
import { RecordStore } from "../../examples/n_puzzle/stores/record_store.ts";

const MEMORY = 2 ** 26;

export interface Solution {
  readonly moves: number;
  readonly path: number[][];
  readonly progress: Progress;
}

// deno-lint-ignore no-explicit-any -- an offset or an object
export type AnyStore = StateStore<any>;

/** Makes stores of one kind; `arena` is the benchmarks' control. `solve` closes them. */
export async function storesOf(name: StoreName | "arena"): Promise<(cells: number) => AnyStore> {
  if (name === "arena") return (cells) => new RecordStore(new ArenaRecords(MEMORY, cells), cells);
  const make = await loadStore(name);
  return (cells) => make(cells, MEMORY);
}

export function solve(puzzle: Puzzle, store: AnyStore): Solution {
  const search = new Search(store, new Heuristic(puzzle.size), puzzle);
  const goal = search.run(Infinity);
  const solution = { moves: store.g(goal), path: pathTo(store, goal, puzzle.tiles.length), progress: search.progress };
  store.close();
  return solution;
}

/** The distance of each board that can be solved, by its tiles as a string: breadth first from the goal. */
export function distancesFromGoal(size: number): Map<string, number> {
  const goal = goalTiles(size);
  const distances = new Map([[String.fromCharCode(...goal), 0]]);
  for (const [board, distance] of distances) {
    const tiles = tilesOf(board);
    const blank = tiles.indexOf(0);
    for (const cell of neighbours(size, blank)) {
      const next = String.fromCharCode(...slide(tiles, cell, blank));
      if (!distances.has(next)) distances.set(next, distance + 1);
    }
  }
  return distances;
}

/** The board of one key of `distancesFromGoal`. */
export function tilesOf(board: string): Uint8Array {
  return Uint8Array.from(board, (character) => character.charCodeAt(0));
}

/** A copy of the board after the tile at `from` has slid to the blank at `to`. */
export function slide(tiles: Uint8Array, from: number, to: number): Uint8Array {
  const next = tiles.slice();
  next[to] = next[from]!;
  next[from] = 0;
  return next;
}
