/**
 * Solves an N-puzzle with A*, once with its states in a memory pool and once each with other stores, and compares them.
 *
 *     deno task demo --size 4 --moves 60 --seed 1
 *     bun run demo --puzzle "1 7 15 4 0 6 3 8 2 5 14 11 9 13 10 12"
 *     npm run demo -- --size 4 --moves 60 --seed 1
 *
 * `--help` lists the options.
 */

import process from "node:process";
import { explainExhaustion } from "./exhaustion.ts";
import type { Answer, Job, Result } from "./messages.ts";
import { HELP, type Options, readOptions, type StoreName } from "./options.ts";
import { UsageError } from "./puzzle.ts";
import { runStore } from "./run_store.ts";
import { StatusLine } from "./status_line.ts";
import { View } from "./view.ts";

const DEMO_COMMAND = "Deno" in globalThis ? "deno task demo" : "Bun" in globalThis ? "bun run demo" : "npm run demo --";

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options.help) {
      process.stdout.write(HELP);
      return 0;
    }
    return await solve(options);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

async function solve(options: Options): Promise<number> {
  const results: Result[] = [];
  const view = new View(options.inspect);
  let code = 0;
  for (const store of options.stores) {
    const answer = await solveWith(store, options, view);
    if ("result" in answer) results.push(answer.result);
    else code = 1;
    if (code !== 0) break;
  }
  if (!options.json && results.length > 0) await report(results, options.puzzle.size);
  await view.end();
  return code;
}

/** Prints what does not belong in the report: a line of JSON, or an error. */
async function solveWith(store: StoreName, options: Options, view: View): Promise<Answer> {
  const { puzzle: { size, tiles }, memory, inspect, json } = options;
  const workers = store === "pool" ? options.workers ?? 1 : 1;
  const job: Job = { store, size, tiles: [...tiles], memory, workers, inspect };
  const status = new StatusLine(!json);
  const answer = await view.over(runStore(job, view.asks, {
    onProgress: (progress) => status.show(store, progress),
    onPage: (url) => view.begin(url),
  }));
  status.clear();
  if ("result" in answer) {
    const result = options.workers === undefined ? answer.result : { ...answer.result, workers };
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
    return { result };
  }
  const problem = "full" in answer ? explainExhaustion(job, answer.full, DEMO_COMMAND) : answer.error;
  process.stderr.write(`${store}: ${problem}\n`);
  return answer;
}

/** The report is imported here, so that `--json` needs no package. */
async function report(results: readonly Result[], size: number): Promise<void> {
  const { showCharts, showPath, showTable } = await import("./report.ts");
  const { path, moves } = results[0]!;
  process.stdout.write(`${showPath(path, size)}\nSolved in ${moves} moves; no solution has fewer.\n\n`);
  process.stdout.write(`${showTable(results)}\n${showCharts(results)}`);
}
