/**
 * The controls of bench/puzzle.ts whose states are written by hand. The first argument is `offsets` or `arena`; the others
 * are options of the example. Prints the line that the example prints with `--json`, without the path.
 */

import process from "node:process";
import { Heuristic } from "../examples/n_puzzle/heuristic.ts";
import { loadLibrary } from "../examples/n_puzzle/load_library.ts";
import { readOptions } from "../examples/n_puzzle/options.ts";
import { Search } from "../examples/n_puzzle/search.ts";
import { recordBytes, type StateMemory } from "../examples/n_puzzle/stores/records.ts";
import { RecordStore } from "../examples/n_puzzle/stores/record_store.ts";
import { ArenaMemory, OffsetMemory } from "./_hand_memory.ts";

/** The number of expansions between two looks at the result, as in the example. */
const BUDGET = 4096;

const [kind, ...options] = process.argv.slice(2);
const { puzzle, memory } = readOptions(options);
const cells = puzzle.tiles.length;
const makeMemory = kind === "arena" ? () => new ArenaMemory(memory, cells) : await offsetMemory();
const began = performance.now();
const store = new RecordStore(makeMemory(), cells);
const search = new Search(store, new Heuristic(puzzle.size), puzzle);
let goal = store.none;
while (goal === store.none) goal = search.run(BUDGET);
console.log(JSON.stringify({
  store: kind,
  moves: store.g(goal),
  allocations: search.progress.allocations,
  milliseconds: performance.now() - began,
  peakBytes: process.resourceUsage().maxRSS * 1024,
}));

/** Loads the library before the time begins, as the example does. */
async function offsetMemory(): Promise<() => StateMemory> {
  const { MemPool } = await loadLibrary();
  return () => new OffsetMemory(MemPool.init(memory, recordBytes(cells)), cells);
}
