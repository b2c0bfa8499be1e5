/** The process that runs one store, so that its peak memory is that of the store. Its only argument is the job. */

import { writeSync } from "node:fs";
import process from "node:process";
import type { MemPoolHandle } from "../../mod.ts";
import { Heuristic } from "./heuristic.ts";
import { loadLibrary } from "./load_library.ts";
import { loadStore } from "./load_store.ts";
import type { Inspection } from "./inspect/inspection.ts";
import type { Answer, Job, Message, Solution, Status } from "./messages.ts";
import type { Control } from "./parallel/control.ts";
import type { Outcome, Watch } from "./parallel/solve.ts";
import { pathTo } from "./path.ts";
import { Search } from "./search.ts";
import type { StateStore } from "./state_store.ts";
import { StoreFullError } from "./stores/records.ts";

/** The number of expansions between two looks at the clock. */
const BUDGET = 4096;
/** Milliseconds. */
const REPORT_EVERY = 100;

const job = JSON.parse(process.argv[2]!) as Job;
let inspection: Inspection | undefined;
try {
  inspection = job.inspect === true ? await loadInspection() : undefined;
  await (job.workers > 1 ? solveInParallel(job) : solveAlone(job));
} catch (error) {
  say({ error: error instanceof Error ? error.message : String(error) });
} finally {
  inspection?.end();
}

/** Loaded only if it is needed, as the stores are. */
async function loadInspection(): Promise<Inspection> {
  const { Inspection } = await import("./inspect/inspection.ts");
  return new Inspection();
}

async function solveAlone(job: Job): Promise<void> {
  let handle: MemPoolHandle | undefined;
  const makeStore = await loadStore(job.store, (given) => handle = given);
  const began = performance.now();
  const store = makeStore(job.tiles.length, job.memory);
  try {
    if (inspection === undefined || handle === undefined) say(solve(job, store, began));
    else await solveInView(inspection, handle, () => solve(job, store, performance.now()));
  } finally {
    store.close();
  }
}

/** Shows the pool before, during and after the search. The user decides when to start and when to end. */
async function solveInView(inspection: Inspection, handle: MemPoolHandle, solve: () => Answer): Promise<void> {
  say({ page: await inspection.begin(handle) });
  await inspection.consent();
  say(solve());
  await inspection.consent();
}

function solve<S>(job: Job, store: StateStore<S>, began: number): Answer {
  const { size, tiles, memory } = job;
  const search = new Search(store, new Heuristic(size), { size, tiles: Uint8Array.from(tiles) });
  const { progress } = search;
  try {
    const { goal, paused } = runToGoal(search, store.none, began);
    const path = pathTo(store, goal, tiles.length);
    return resultOf(job, { moves: store.g(goal), path, ...progress }, began + paused);
  } catch (error) {
    if (!(error instanceof StoreFullError)) throw error;
    const { allocations, bound, boundReached } = progress;
    return { full: { memory, allocations, bound, boundReached } };
  }
}

/** The pauses, which let the user watch, do not count as time of the search. */
function runToGoal<S>(search: Search<S>, none: S, began: number): { goal: S; paused: number } {
  let [reported, paused] = [began, 0];
  for (;;) {
    const goal = search.run(BUDGET);
    if (goal !== none) return { goal, paused };
    const now = performance.now();
    paused += inspection?.pause(now - began) ?? 0;
    if (now - reported < REPORT_EVERY) continue;
    reported = now;
    sayStatus(search.progress, began + paused);
  }
}

async function solveInParallel(job: Job): Promise<void> {
  const { solveTogether } = await import("./parallel/solve.ts");
  await loadLibrary();
  let began = performance.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  const report = (control: Control): void => {
    timer = setInterval(() => sayStatus(control.progress(), began), REPORT_EVERY);
  };
  const tell = (outcome: Outcome): void => {
    clearInterval(timer);
    say("full" in outcome ? outcome : resultOf(job, outcome.solution, began));
  };
  const watch = inspection === undefined
    ? { begin: () => {}, end: tell }
    : watchBy(inspection, tell, () => began = performance.now());
  try {
    await solveTogether(job, report, watch);
  } finally {
    clearInterval(timer);
  }
}

function watchBy(inspection: Inspection, tell: (outcome: Outcome) => void, begin: () => void): Watch {
  return {
    async begin(handle) {
      say({ page: await inspection.begin(handle) });
      await inspection.consent();
      begin();
    },
    async end(outcome) {
      tell(outcome);
      await inspection.consent();
    },
  };
}

function resultOf(job: Job, { moves, path, expanded, allocations }: Solution, began: number): Answer {
  const milliseconds = Number((performance.now() - began).toFixed(3));
  return { result: { store: job.store, moves, path, expanded, allocations, milliseconds, peakBytes: peakBytes() } };
}

function sayStatus({ allocations, bound }: Pick<Status, "allocations" | "bound">, began: number): void {
  const milliseconds = performance.now() - began;
  sayAtOnce({ progress: { allocations, bound, milliseconds, bytes: process.memoryUsage.rss() } });
}

/**
 * The peak of resident memory. getrusage counts in KiB on Linux. On Deno it needs no permission, whereas reading
 * /proc/self/status needs all permissions. Early versions of Deno do not have it; there, the memory at the end of the
 * search counts, which is little less, because a search keeps all its states.
 */
function peakBytes(): number {
  const { resourceUsage } = process as { resourceUsage?: typeof process.resourceUsage };
  return resourceUsage === undefined ? process.memoryUsage.rss() : resourceUsage.call(process).maxRSS * 1024;
}

function say(message: Message): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Writes synchronously, because the search does not yield to the event loop. Ends if the parent process has gone. */
function sayAtOnce(message: Message): void {
  try {
    writeSync(1, `${JSON.stringify(message)}\n`);
  } catch {
    process.exit(1);
  }
}
