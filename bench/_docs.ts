/** Writes docs/benchmarks.md and its pictures from the results kept in docs/benchmarks/, one file a runtime. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../scripts/_project.ts";
import { writeTable, writeTargetsOf } from "./_tables.ts";
import { GROUPS, type Report, type RuntimeName } from "./_types.ts";

const folder = join(root, "docs", "benchmarks");
const runtimes: readonly RuntimeName[] = ["Deno", "Bun"];

export function keepReport(report: Report): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileOf(report.runtime), `${JSON.stringify(report, null, 2)}\n`);
}

function fileOf(runtime: RuntimeName): string {
  return join(folder, `${runtime.toLowerCase()}.json`);
}

export async function renderDocs(): Promise<void> {
  const files = runtimes.map(fileOf).filter((file) => existsSync(file));
  if (files.length === 0) throw new Error("Nothing is kept in docs/benchmarks: measure with --docs first");
  const reports = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Report);
  const { drawFigures } = await import("./_figures.ts");
  const figures = await drawFigures(reports, folder);
  writeFileSync(join(root, "docs", "benchmarks.md"), writeDocument(reports, figures));
}

/** @param figures Their file names and captions. */
function writeDocument(reports: readonly Report[], figures: Readonly<Record<string, string>>): string {
  const pictures = Object.entries(figures).map(([file, caption]) => `![${caption}](benchmarks/${file})\n`);
  return [
    "# Benchmarks\n",
    INTRODUCTION,
    ...reports.map(writeRun),
    "## Targets\n",
    writeTargetsOf(reports),
    WHY_NOT,
    "## Pictures\n",
    ...pictures,
    ...reports.flatMap(writeTables),
  ].join("\n");
}

const INTRODUCTION =
  `Written by \`deno task bench --docs\` and \`bun run bench --docs\`; do not edit. Figures differ from machine to machine
and, on one that others use too, from minute to minute. Ratios hold better: each is taken within a round of one run, in
which all contenders have their turn, and the median of the rounds is shown. The first column of figures is processor
time for one operation, garbage collection included; p50 and p99 are of samples of some thousand operations each. What
each group does, and why the comparison is fair, is told at the head of its file in [bench](../bench).
`;

/** What the tables measure of it; no figures here, they change with each run. */
const WHY_NOT = `### Where a target is not reached, and near it

Quotation marks name the table or the row below that measures it.

- **A pool that is no constant.** "no constant" is a pool in a field of one of several objects: nothing that belongs to it
  is a constant for the engines then, and each use of it is checked. In all other rows of one worker the pool is a constant.
- **A million offsets live, a hundred thousand buffers live.** Nothing is searched for; what grows is misses of the
  processor's caches, and malloc has as many with a million live. A live ArrayBuffer is an object of the engine's, too:
  "asking an ArrayBuffer for its length" is one look at a random one. A pair looks at four such distant places: at the
  buffer, from there at its private fields, and from there at the place where it is kept and at the block's descriptor.
  What depends on a look waits for it, so a pair takes longer than four looks that a processor may have under way together.
- **The first allocation.** The collector's work is most of it: compare p50 and the mean. The pool has to know its buffers
  again; "the same with two private fields" is the least that lets it. The rest is the buffer's place in the worker's arrays,
  a view for the lowest places, and the first touch of the block's descriptor, which the system backs with memory then.
- **Handing over from one worker to another.** "records, without a pool" are the least that can be done where a double
  free is to be found exactly: who allocates writes 16 bytes for each block, who frees exchanges a word there, and the line
  travels to and fro. That alone stays below 0.9, and far below where the lines come in no order that the processor foresees,
  "scattered records", as those of a pool that was used for long. The pool adds the way back to the worker that allocates, by
  batches under the lock. And those who share nothing are fast: who is alone in a pool frees without an atomic instruction.
- **Two workers that search together.** "two searches that share nothing" do not make twice as many states in a second
  either: two processors wait for the same memory. The rest of the difference is starting the workers, compiling for each of
  them what the engine compiles for one on the processor that is idle then, and the states that one makes and the other has
  to look at.
- **The puzzle against an arena.** An arena never frees, knows one thread, and has nothing to check or to note for a record.
`;

function writeRun({ runtime, machine, versions, date, command, rounds }: Report): string {
  const facts = [...Object.entries(machine), ...Object.entries(versions)].map(([name, value]) => `- ${name}: ${value}`);
  return `## ${runtime}\n\n\`${command}\` on ${date}, ${rounds} rounds\n\n${facts.join("\n")}\n`;
}

function writeTables({ runtime, groups }: Report): string[] {
  const tables = GROUPS.flatMap((name) => groups[name]?.tables ?? []);
  return [`## Tables: ${runtime}\n`, ...tables.map((table) => writeTable(table, "###"))];
}
