/**
 * The N-puzzle of examples/n_puzzle at ten million allocations: states in the pool, as objects on the garbage-collected
 * heap, and in an arena written by hand that can do nothing else. Same algorithm, queue and table; each in a process of
 * its own, whose peak memory it reports.
 *
 * And two workers that search one pool. Which states they come to first differs from run to run, and so does how many they
 * make before they know that no solution is shorter: so the states that are made in a second are told too.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { onDeno, root } from "../scripts/_project.ts";
import { median } from "./_measure.ts";
import type { GroupResult, Row, Settings, Table } from "./_types.ts";

const EXAMPLE = join(root, "examples", "n_puzzle", "main.ts");
const ARENA = join(root, "bench", "_puzzle_arena.ts");
const TEN_MILLION = ["--size", "4", "--moves", "120", "--seed", "5"]; // 10,762,884
const SMALL = ["--size", "3", "--moves", "40", "--seed", "1"];

/** One line of what the example prints with `--json`. */
interface Result {
  readonly moves: number;
  readonly allocations: number;
  readonly milliseconds: number;
  readonly peakBytes: number;
}

export async function run(settings: Settings): Promise<GroupResult> {
  if (!existsSync(EXAMPLE)) return { tables: [], measured: {}, skipped: "examples/n_puzzle is not there" };
  const puzzle = settings.quick ? SMALL : TEN_MILLION;
  const results: Record<string, Result[]> = { pool: [], arena: [], objects: [] };
  const together: Result[] = [];
  for (let round = 0; round < (settings.quick ? 1 : 3); round++) {
    for (let turn = 0; turn < (settings.quick ? 1 : 3); turn++) {
      together.push(solve("pool", [...puzzle, "--workers", "2"]));
    }
    for (const [store, all] of Object.entries(results)) {
      if (store === "objects" && round > 0) continue; // takes minutes
      all.push(solve(store, puzzle));
    }
  }
  const { pool = [], arena = [], objects = [] } = results;
  const lengths = new Set([...Object.values(results).flat(), ...together].map(({ moves }) => moves));
  if (lengths.size > 1) throw new Error(`The solutions have ${[...lengths].join(" and ")} moves`);
  return {
    tables: [...tablesOf(results), ...tablesOfWorkers(pool, together)],
    measured: {
      ...compare("objects", objects, pool),
      ...compare("arena", pool, arena),
      "puzzle.workers": medianOf(pool, "milliseconds") / medianOf(together, "milliseconds"),
    },
  };
}

function solve(store: string, puzzle: readonly string[]): Result {
  const permissions = ["--allow-ffi", "--allow-read", "--allow-write", "--allow-run", "--allow-env"];
  const program = store === "arena" ? [ARENA] : [EXAMPLE, "--json", "--store", store];
  const args = [...(onDeno ? ["run", "--quiet", "--no-check", ...permissions] : []), ...program, ...puzzle];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot solve the puzzle with ${store}: ${stderr}`);
  return JSON.parse(stdout) as Result;
}

function compare(name: string, slow: readonly Result[], fast: readonly Result[]): Record<string, number> {
  if (slow.length === 0 || fast.length === 0) return {};
  const times = (figure: keyof Result) => medianOf(slow, figure) / medianOf(fast, figure);
  return { [`puzzle.${name}.time`]: times("milliseconds"), [`puzzle.${name}.memory`]: times("peakBytes") };
}

function medianOf(results: readonly Result[], figure: keyof Result): number {
  return median(results.map((result) => result[figure]));
}

function tablesOf(results: Record<string, Result[]>): Table[] {
  const found = Object.entries(results).filter(([, all]) => all.length > 0);
  const [, [first] = []] = found[0]!;
  const rowsOf = (unit: Row["unit"], figure: keyof Result, scale: number): Row[] => {
    return found.map(([name, all]) => ({ name, unit, mean: medianOf(all, figure) / scale }));
  };
  const what = `${first!.allocations.toLocaleString("en-US")} allocations, ${first!.moves} moves`;
  return [
    { title: `N-puzzle, time: ${what}`, rows: rowsOf("s", "milliseconds", 1000) },
    { title: `N-puzzle, peak memory: ${what}`, rows: rowsOf("MiB", "peakBytes", 2 ** 20) },
  ];
}

function tablesOfWorkers(alone: readonly Result[], together: readonly Result[]): Table[] {
  const title = "N-puzzle, two workers that search one pool";
  const rowsOf = (unit: Row["unit"], figure: (result: Result) => number): Row[] => {
    const [one, two] = [alone, together].map((results) => median(results.map(figure))) as [number, number];
    return [
      { name: "one worker", unit, mean: one },
      { name: "two workers", unit, mean: two, ratio: two / one, to: "one worker" },
    ];
  };
  return [
    { title: `${title}, time`, rows: rowsOf("s", ({ milliseconds }) => milliseconds / 1000) },
    {
      title: `${title}, states made`,
      rows: rowsOf("M/s", ({ allocations, milliseconds }) => allocations / milliseconds / 1000),
    },
  ];
}
