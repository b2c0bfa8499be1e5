/**
 * The N-puzzle of examples/n_puzzle at ten million allocations: states in the pool, as objects on the garbage-collected
 * heap, and in an arena written by hand that can do nothing else. Same algorithm, queue and table; each in a process of
 * its own, whose peak memory it reports.
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
  for (let round = 0; round < (settings.quick ? 1 : 3); round++) {
    for (const [store, all] of Object.entries(results)) {
      if (store === "objects" && round > 0) continue; // takes minutes
      all.push(solve(store, puzzle));
    }
  }
  const { pool = [], arena = [], objects = [] } = results;
  return {
    tables: tablesOf(results),
    measured: { ...compare("objects", objects, pool), ...compare("arena", pool, arena) },
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
