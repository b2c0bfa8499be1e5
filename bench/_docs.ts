/** Writes docs/benchmarks.md and its pictures from the results in docs/benchmarks/, one file for each runtime. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../scripts/_project.ts";
import { writeSummary } from "./_summary.ts";
import { writeProgress, writeTable, writeTargetsOf } from "./_tables.ts";
import { GROUPS, type Report, type RuntimeName } from "./_types.ts";

const folder = join(root, "docs", "benchmarks");
const runtimes: readonly RuntimeName[] = ["Deno", "Bun", "Node"];

export function keepReport(report: Report): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileOf(report.runtime), `${JSON.stringify(report, null, 2)}\n`);
}

function fileOf(runtime: RuntimeName): string {
  return join(folder, `${runtime.toLowerCase()}.json`);
}

/** The results of the last commit without a depot, by the same benchmarks. */
function earlierFileOf(runtime: RuntimeName): string {
  return join(folder, `${runtime.toLowerCase()}-before.json`);
}

function readReports(fileOf: (runtime: RuntimeName) => string): Report[] {
  const files = runtimes.map(fileOf).filter((file) => existsSync(file));
  return files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Report);
}

export async function renderDocs(): Promise<void> {
  const reports = readReports(fileOf);
  if (reports.length === 0) {
    throw new Error("Cannot render: docs/benchmarks has no results yet; measure with --docs first");
  }
  const { drawFigures } = await import("./_figures.ts");
  const figures = await drawFigures(reports, folder);
  writeFileSync(join(root, "docs", "benchmarks.md"), writeDocument(reports, figures));
}

/** @param figures The file names of the figures and their captions. */
function writeDocument(reports: readonly Report[], figures: Readonly<Record<string, string>>): string {
  const pictures = Object.entries(figures).map(([file, caption]) => `![${caption}](benchmarks/${file})\n`);
  return [
    "# Benchmarks\n",
    INTRODUCTION,
    writeSummary(reports),
    ...reports.map(writeRun),
    "## Targets\n",
    writeTargetsOf(reports),
    WHY_NOT,
    ...writeEarlier(reports),
    "## Pictures\n",
    ...pictures,
    ...reports.flatMap(writeTables),
  ].join("\n");
}

const INTRODUCTION =
  `\`deno task bench --docs\`, \`bun run bench --docs\` and \`npm run bench -- --docs\` write this page
from the results in [benchmarks](benchmarks); do not edit it. Times differ between machines and, on a shared machine, from minute to minute.
Ratios are more stable: each is taken within one round, in which every contender has a turn, and the tables show the
median over the rounds. Unless a table says otherwise, the first column of figures is the processor time of one
operation, with garbage collection; p50 and p99 are percentiles of samples of some thousand operations each. The head of
each file in [bench](../bench) says what the group does and why the comparison is fair.
`;

/** Explains what the tables measure. It has no figures, because they change with each run. */
const WHY_NOT = `### Where a target is not reached, or only just

Quotation marks name the table or the row that measures the effect.

- **Calls of native code on Node.** The pool does without V8's fast foreign calls there
  ([why](decisions.md#calls-on-node)), so each critical section costs about a microsecond more. That shows where single
  blocks do not stay in the worker's cache: runs, first allocations, and handing over. The rows "through FFI" are
  measured with the same kind of call.
- **A pool that is not a constant.** In the rows with "no constant", the pool is a field of one of several objects.
  Then the engines cannot treat the pool and its parts as constants, and check every use of them. In all other rows
  with one worker the pool is a constant.
- **A million live offsets, a hundred thousand live buffers.** The pool does not search for anything; what grows is
  the number of misses in the processor's caches. With a million live allocations malloc has as many. A live
  ArrayBuffer is also an object of the engine: "asking an ArrayBuffer for its length" is one access to a random one. A
  free accesses three such distant places: the buffer, its private fields, and the block's descriptor; the allocation
  after it has the place that keeps the buffer. Each access waits for the one that it depends on, so a pair takes
  longer than accesses that a processor could overlap.
- **Bursts.** What does not fit into a worker's cache passes through the depot, where a bit and a tag are written for
  each block under the lock. ArrayBuffers add the engine's objects, at places in memory as random as the order of the
  frees.
- **A pool that is nearly full.** A worker whose cache is empty takes the lock and takes over what another one has
  cached. At 99 % that is every few calls, and eight workers on two processors wait for a holder that is not running.
  Before a call says that the pool is exhausted, it asks for each worker whether it still lives, because what a dead one
  had cached is free.
- **A list of records.** The engine allocates objects that die soon by moving a pointer, and frees them together. Each
  record is allocated and freed on its own, and of 100,000 most pass through the depot, because a worker's cache does not
  hold them.
- **A cursor in one function for several layouts, on Bun.** JavaScriptCore inlines no getters of several classes. There,
  \`get\` and \`set\` cost what they cost in a function for each layout ([why](decisions.md#records)).
- **Allocation and free of a record on Bun.** The ratio to offsets differs from run to run, from 0.93 to 1.24 in four
  of them. Both call the same two functions; what the engine makes of them differs.
- **The first allocation.** Most of the time is garbage collection: compare p50 with the mean. The pool has to
  recognise its buffers again, and "the same with two private fields" is the least that allows this. The rest is the
  buffer's place in the worker's arrays, a view for the lowest places, and the first touch of the block's descriptor,
  for which the system has to provide memory.
- **Handing over from one worker to another.** "records, without a pool" does the least that finds every double free:
  the worker that allocates writes 16 bytes for each block, the worker that frees exchanges one word there, and the
  cache line travels back and forth. This alone stays below 0.9. With "scattered records", whose order the processor
  cannot predict, it stays far below; a pool that has been in use for long looks like this. The pool adds the way back
  to the allocating worker, in batches under the lock. Workers that share nothing are fast, because a worker that is
  alone in a pool frees without an atomic instruction.
- **Two workers that search together.** "two searches that share nothing" do not make twice as many states per second
  either, because two processors wait for the same memory. The rest of the difference has three causes: the workers
  have to start; each of them compiles its code, while a single worker's code is compiled on the other, idle
  processor; and each has to look at the states that the other one makes for it.
- **The puzzle against an arena.** An arena never frees, knows one thread, and keeps no record of an allocation.
- **The puzzle against objects.** Lean objects show what careful plain JavaScript can do: three integers for a state,
  and a hash table in place of a \`Map\`. The rest of the difference is garbage collection, and memory for headers of
  objects and for elements of 8 bytes. Most of the usual objects' time is collection too: each state has a typed
  array, and each lookup makes a string.
`;

function writeRun({ runtime, machine, versions, date, command, rounds }: Report): string {
  const facts = [...Object.entries(machine), ...Object.entries(versions)].map(([name, value]) => `- ${name}: ${value}`);
  return `## ${runtime}\n\n\`${command}\` on ${date}, ${rounds} rounds\n\n${facts.join("\n")}\n`;
}

/** What deferred coalescing has brought. */
function writeEarlier(reports: readonly Report[]): string[] {
  const earlier = readReports(earlierFileOf);
  if (earlier.length === 0) return [];
  const commits = [...new Set(earlier.map(({ versions }) => versions["mempool's commit"]))].join(", ");
  return [
    "## Before and after\n",
    `Before is without a depot, where each block that left a worker's cache was coalesced at once: ${commits}.\n`,
    writeProgress(earlier, reports),
  ];
}

function writeTables({ runtime, groups }: Report): string[] {
  const tables = GROUPS.flatMap((name) => groups[name]?.tables ?? []);
  return [`## Tables: ${runtime}\n`, ...tables.map((table) => writeTable(table, "###"))];
}
