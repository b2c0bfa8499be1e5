/** Solves puzzles in this process, with A* and with an independent method: breadth first. */

import { Heuristic } from "../../examples/n_puzzle/heuristic.ts";
import { loadStore } from "../../examples/n_puzzle/load_store.ts";
import type { StoreName } from "../../examples/n_puzzle/options.ts";
import { pathTo } from "../../examples/n_puzzle/path.ts";
import { goalTiles, neighbours, type Puzzle } from "../../examples/n_puzzle/puzzle.ts";
import type { Progress } from "../../examples/n_puzzle/expander.ts";
import { Search } from "../../examples/n_puzzle/search.ts";
import type { StateStore } from "../../examples/n_puzzle/state_store.ts";
import { MemPool } from "../../mod.ts";
import { ArenaMemory, OffsetMemory } from "../../bench/_hand_memory.ts";
import { RecordStore } from "../../examples/n_puzzle/stores/record_store.ts";
import { recordBytes } from "../../examples/n_puzzle/stores/records.ts";

/**
 * The size of a pool for a board with this many cells. All states of a 3×3 board fit in the small pool. A large pool is
 * slow to make on Deno, because its buffer provokes garbage collections.
 */
export function memoryFor(cells: number): number {
  return cells <= 9 ? 2 ** 24 : 2 ** 26;
}

export interface Solution {
  readonly moves: number;
  readonly path: number[][];
  readonly progress: Progress;
}

// deno-lint-ignore no-explicit-any -- a reference or an object
export type AnyStore = StateStore<any>;

/**
 * Returns a function that makes stores of one kind. `arena` and `offsets` are controls of the benchmarks. `solve` closes
 * the stores.
 */
export async function storesOf(name: StoreName | "arena" | "offsets"): Promise<(cells: number) => AnyStore> {
  if (name === "arena") return (cells) => new RecordStore(new ArenaMemory(memoryFor(cells), cells), cells);
  if (name === "offsets") {
    const pool = (cells: number): MemPool => MemPool.init(memoryFor(cells), recordBytes(cells));
    return (cells) => new RecordStore(new OffsetMemory(pool(cells), cells), cells);
  }
  const make = await loadStore(name);
  return (cells) => make(cells, memoryFor(cells));
}

export function solve(puzzle: Puzzle, store: AnyStore): Solution {
  const search = new Search(store, new Heuristic(puzzle.size), puzzle);
  const goal = search.run(Infinity);
  const solution = { moves: store.g(goal), path: pathTo(store, goal, puzzle.tiles.length), progress: search.progress };
  store.close();
  return solution;
}

const distances = new Map<number, ReadonlyMap<string, number>>();

/** The distance of each solvable board from the goal, by its tiles as a string. Found breadth first, once for each size. */
export function distancesFromGoal(size: number): ReadonlyMap<string, number> {
  const known = distances.get(size) ?? searchBreadthFirst(size);
  distances.set(size, known);
  return known;
}

/** One 3×3 board of each distance, all boards of the greatest distance, and every `stride`th of all boards. */
export function boardsOfEveryDistance(stride: number): (readonly [board: string, distance: number])[] {
  let next = 0;
  return [...distancesFromGoal(3)].filter(([, distance], k) => {
    const isFirst = distance === next;
    if (isFirst) next++;
    return isFirst || distance === GREATEST_DISTANCE || k % stride === 0;
  });
}

const GREATEST_DISTANCE = 31;

function searchBreadthFirst(size: number): Map<string, number> {
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

/** Returns a copy of the board after the tile at `from` has slid to the blank at `to`. */
export function slide(tiles: Uint8Array, from: number, to: number): Uint8Array {
  const next = tiles.slice();
  next[to] = next[from]!;
  next[from] = 0;
  return next;
}
