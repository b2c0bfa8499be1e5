/**
 * A control of bench/puzzle.ts: the search of the example over an arena that can do only what this search needs. It
 * takes the options of the example, and prints the line that the example prints with `--json`, without the path.
 */

import process from "node:process";
import { Heuristic } from "../examples/n_puzzle/heuristic.ts";
import { readOptions } from "../examples/n_puzzle/options.ts";
import { Search } from "../examples/n_puzzle/search.ts";
import { ArenaRecords } from "../examples/n_puzzle/stores/arena_records.ts";
import { RecordStore } from "../examples/n_puzzle/stores/record_store.ts";

/** The number of expansions between two looks at the result, as in the example. */
const BUDGET = 4096;

const { puzzle, memory } = readOptions(process.argv.slice(2));
const cells = puzzle.tiles.length;
const began = performance.now();
const store = new RecordStore(new ArenaRecords(memory, cells), cells);
const search = new Search(store, new Heuristic(puzzle.size), puzzle);
let goal = store.none;
while (goal === store.none) goal = search.run(BUDGET);
console.log(JSON.stringify({
  store: "arena",
  moves: store.g(goal),
  allocations: search.progress.allocations,
  milliseconds: performance.now() - began,
  peakBytes: process.resourceUsage().maxRSS * 1024,
}));
