/**
 * The N-puzzle of examples/n_puzzle at ten million allocations: states in the pool, as objects on the garbage-collected
 * heap, and in an arena written by hand that can do nothing else. Same algorithm, queue and table; each in a process of
 * its own, whose peak memory it reports. Five rounds, however many the other groups have, unless all is quick; objects in the
 * first only, since they take half a minute and more.
 *
 * And two workers that search one pool. Which states they come to first differs from run to run, and so, by a few per cent,
 * does how many they make before they know that no solution is shorter: so the states that are made in a second are told
 * too. Two searches at once in processes of their own, which share nothing but the machine's memory, say how many that
 * could be.
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { onDeno, root } from "../scripts/_project.ts";
import { median } from "./_measure.ts";
import type { GroupResult, Row, Settings, Table } from "./_types.ts";

const EXAMPLE = join(root, "examples", "n_puzzle", "main.ts");
const ARENA = join(root, "bench", "_puzzle_arena.ts");
const TEN_MILLION = ["--size", "4", "--moves", "120", "--seed", "23"]; // 10,673,046
const SMALL = ["--size", "3", "--moves", "40", "--seed", "1"];

const ONE = "one worker";
const TWO = "two workers";
const APART = "two searches that share nothing";

const execute = promisify(execFile);

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
  const apart: Result[] = [];
  for (let round = 0; round < (settings.quick ? 1 : 5); round++) {
    for (let turn = 0; turn < (settings.quick ? 1 : 2); turn++) {
      together.push(await solve("pool", [...puzzle, "--workers", "2"]));
    }
    apart.push(sumOf(await Promise.all([solve("pool", puzzle), solve("pool", puzzle)])));
    for (const [store, all] of Object.entries(results)) {
      if (store === "objects" && round > 0) continue; // takes minutes
      all.push(await solve(store, puzzle));
    }
  }
  const { pool = [], arena = [], objects = [] } = results;
  const lengths = new Set([...Object.values(results).flat(), ...together].map(({ moves }) => moves));
  if (lengths.size > 1) throw new Error(`The solutions have ${[...lengths].join(" and ")} moves`);
  return {
    tables: [...tablesOf(results), ...tablesOfWorkers(pool, together, apart)],
    measured: {
      ...compare("objects", objects, pool),
      ...compare("arena", pool, arena),
      "puzzle.workers": medianOf(pool, "milliseconds") / medianOf(together, "milliseconds"),
    },
  };
}

async function solve(store: string, puzzle: readonly string[]): Promise<Result> {
  const permissions = ["--allow-ffi", "--allow-read", "--allow-write", "--allow-run", "--allow-env"];
  const program = store === "arena" ? [ARENA] : [EXAMPLE, "--json", "--store", store];
  const args = [...(onDeno ? ["run", "--quiet", "--no-check", ...permissions] : []), ...program, ...puzzle];
  const { stdout } = await execute(process.execPath, args);
  return JSON.parse(stdout) as Result;
}

/** What several searches have done that ran at once. */
function sumOf(results: readonly Result[]): Result {
  const total = (figure: keyof Result) => results.reduce((sum, result) => sum + result[figure], 0);
  return {
    moves: results[0]!.moves,
    allocations: total("allocations"),
    milliseconds: Math.max(...results.map(({ milliseconds }) => milliseconds)),
    peakBytes: total("peakBytes"),
  };
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

function tablesOfWorkers(alone: readonly Result[], together: readonly Result[], apart: readonly Result[]): Table[] {
  const title = "N-puzzle, two workers that search one pool";
  const time = ({ milliseconds }: Result): number => milliseconds / 1000;
  const rate = ({ allocations, milliseconds }: Result): number => allocations / milliseconds / 1000;
  const rowOf = (
    name: string,
    unit: Row["unit"],
    results: readonly Result[],
    figure: (result: Result) => number,
  ): Row => {
    const mean = median(results.map(figure));
    return results === alone
      ? { name, unit, mean }
      : { name, unit, mean, ratio: mean / median(alone.map(figure)), to: ONE };
  };
  return [
    { title: `${title}, time`, rows: [rowOf(ONE, "s", alone, time), rowOf(TWO, "s", together, time)] },
    {
      title: `${title}, states made`,
      rows: [rowOf(ONE, "M/s", alone, rate), rowOf(TWO, "M/s", together, rate), rowOf(APART, "M/s", apart, rate)],
    },
  ];
}
