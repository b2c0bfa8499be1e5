/**
 * The N-puzzle of examples/n_puzzle at ten million allocations: one search, with its states
 *
 * - in the pool, as typed records;
 * - in the pool, at offsets, with the arithmetic on typed arrays written by hand;
 * - in an arena, written by hand for this search and able to do nothing else;
 * - as lean objects, the smallest and fastest that we could write in plain JavaScript: the honest control;
 * - as objects as one usually writes them: a Uint8Array in each, and a Map with a string as its key.
 *
 * The algorithm, the order of the states and the queue are the same. Each search runs in a process of its own and
 * reports that process's peak memory. There are five rounds, whatever --rounds says, unless the run is quick; the usual
 * objects take part in the first round only, because they take up to a minute.
 *
 * A second part measures two workers that search one pool. The order in which they reach states differs from run to
 * run, and so, by a few per cent, does the number of states that they make before they know that no solution is
 * shorter. For this reason the rate of states is reported beside the time. Two independent searches at the same time,
 * in processes that share nothing but the machine's memory, show what rate is possible.
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { root, runtimeArgs } from "../scripts/_project.ts";
import { median } from "./_measure.ts";
import type { GroupResult, Row, Settings, Table } from "./_types.ts";

const EXAMPLE = join(root, "examples", "n_puzzle", "main.ts");
const HAND = join(root, "bench", "_puzzle_hand.ts");
const TEN_MILLION = ["--size", "4", "--moves", "120", "--seed", "23"]; // 10,673,046
const SMALL = ["--size", "3", "--moves", "40", "--seed", "1"];
const ROUNDS = 5;

/** The rows, in the order of the tables, and the stores that they measure. */
const STORES = {
  pool: "pool",
  offsets: "offsets",
  arena: "arena",
  "lean objects": "lean",
  objects: "objects",
} as const;
type RowName = keyof typeof STORES;
const CONTROL: RowName = "pool";

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

type Results = Readonly<Record<RowName, Result[]>>;

export async function run(settings: Settings): Promise<GroupResult> {
  if (!existsSync(EXAMPLE)) return { tables: [], measured: {}, skipped: "examples/n_puzzle is not there" };
  const puzzle = settings.quick ? SMALL : TEN_MILLION;
  const results: Results = { pool: [], offsets: [], arena: [], "lean objects": [], objects: [] };
  const together: Result[] = [];
  const apart: Result[] = [];
  for (let round = 0; round < (settings.quick ? 1 : ROUNDS); round++) {
    for (let turn = 0; turn < (settings.quick ? 1 : 2); turn++) {
      together.push(await solve("pool", [...puzzle, "--workers", "2"]));
    }
    apart.push(sumOf(await Promise.all([solve("pool", puzzle), solve("pool", puzzle)])));
    for (const [name, all] of Object.entries(results) as [RowName, Result[]][]) {
      if (name !== "objects" || round === 0) all.push(await solve(STORES[name], puzzle));
    }
  }
  const { pool, offsets, arena } = results;
  const lengths = new Set([...Object.values(results).flat(), ...together].map(({ moves }) => moves));
  if (lengths.size > 1) throw new Error(`The solutions have ${[...lengths].join(" and ")} moves`);
  return {
    tables: [...tablesOf(results), ...tablesOfWorkers(pool, together, apart)],
    measured: {
      ...compare("lean", results["lean objects"], pool),
      ...compare("objects", results.objects, pool),
      ...compare("arena", pool, arena),
      ...compare("offsets", pool, offsets),
      "puzzle.workers": medianOf(pool, "milliseconds") / medianOf(together, "milliseconds"),
    },
  };
}

async function solve(store: string, puzzle: readonly string[]): Promise<Result> {
  const permissions = ["--allow-ffi", "--allow-read", "--allow-write", "--allow-run", "--allow-env"];
  const program = store === "arena" || store === "offsets" ? [HAND, store] : [EXAMPLE, "--json", "--store", store];
  const args = [...runtimeArgs(["--no-check", ...permissions]), ...program, ...puzzle];
  const { stdout } = await execute(process.execPath, args);
  return JSON.parse(stdout) as Result;
}

/** The result of several searches that ran at the same time. */
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
  const times = (figure: keyof Result) => medianOf(slow, figure) / medianOf(fast, figure);
  return { [`puzzle.${name}.time`]: times("milliseconds"), [`puzzle.${name}.memory`]: times("peakBytes") };
}

function medianOf(results: readonly Result[], figure: keyof Result): number {
  return median(results.map((result) => result[figure]));
}

function tablesOf(results: Results): Table[] {
  const [first] = results[CONTROL];
  const rowsOf = (unit: Row["unit"], figure: keyof Result, scale: number): Row[] => {
    const control = medianOf(results[CONTROL], figure);
    return Object.entries(results).map(([name, all]): Row => {
      const mean = medianOf(all, figure);
      const row: Row = { name, unit, mean: mean / scale };
      return name === CONTROL ? row : { ...row, ratio: mean / control, to: CONTROL };
    });
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
