/** The process that runs one store: its peak memory is the store's own. The job is its only argument. */

import { writeSync } from "node:fs";
import process from "node:process";
import { Heuristic } from "./heuristic.ts";
import { loadStore } from "./load_store.ts";
import type { Job, Message, Solution, Status } from "./messages.ts";
import { pathTo } from "./path.ts";
import { Search } from "./search.ts";
import type { StateStore } from "./state_store.ts";
import { StoreFullError } from "./stores/records.ts";

/** Expansions between two looks at the clock. */
const BUDGET = 4096;
const REPORT_EVERY = 100;

const job = JSON.parse(process.argv[2]!) as Job;
say(await answer(job));

async function answer(job: Job): Promise<Message> {
  try {
    if (job.workers > 1) return await solveInParallel(job);
    const makeStore = await loadStore(job.store);
    const began = performance.now();
    return solve(job, makeStore(job.tiles.length, job.memory), began);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function solve<S>(job: Job, store: StateStore<S>, began: number): Message {
  const { size, tiles, memory } = job;
  const search = new Search(store, new Heuristic(size), { size, tiles: Uint8Array.from(tiles) });
  const { progress } = search;
  try {
    const goal = runToGoal(search, store.none, began);
    const path = pathTo(store, goal, tiles.length);
    return resultOf(job, { moves: store.g(goal), path, ...progress }, began);
  } catch (error) {
    if (!(error instanceof StoreFullError)) throw error;
    const { allocations, bound, boundReached } = progress;
    return { full: { memory, allocations, bound, boundReached } };
  } finally {
    store.close();
  }
}

function runToGoal<S>(search: Search<S>, none: S, began: number): S {
  let reported = began;
  for (;;) {
    const goal = search.run(BUDGET);
    if (goal !== none) return goal;
    const now = performance.now();
    if (now - reported < REPORT_EVERY) continue;
    reported = now;
    sayStatus(search.progress, began);
  }
}

/** Loaded only where it is asked for, as the stores are. */
async function solveInParallel(job: Job): Promise<Message> {
  const { solveTogether } = await import("./parallel/solve.ts");
  const began = performance.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  try {
    const outcome = await solveTogether(job, (control) => {
      timer = setInterval(() => sayStatus(control.progress(), began), REPORT_EVERY);
    });
    return "full" in outcome ? outcome : resultOf(job, outcome.solution, began);
  } finally {
    clearInterval(timer);
  }
}

function resultOf(job: Job, { moves, path, expanded, allocations }: Solution, began: number): Message {
  const milliseconds = Number((performance.now() - began).toFixed(3));
  return { result: { store: job.store, moves, path, expanded, allocations, milliseconds, peakBytes: peakBytes() } };
}

function sayStatus({ allocations, bound }: Pick<Status, "allocations" | "bound">, began: number): void {
  const milliseconds = performance.now() - began;
  sayAtOnce({ progress: { allocations, bound, milliseconds, bytes: process.memoryUsage.rss() } });
}

/**
 * The high-water mark of resident memory. getrusage counts in KiB on Linux, and needs no permission on Deno, where
 * reading /proc/self/status needs all of them.
 */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function say(message: Message): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** The search does not yield, so its reports cannot wait for an event loop. Nobody listens any more: end. */
function sayAtOnce(message: Message): void {
  try {
    writeSync(1, `${JSON.stringify(message)}\n`);
  } catch {
    process.exit(1);
  }
}
