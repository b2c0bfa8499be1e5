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

function writeRun({ runtime, machine, versions, date, command, rounds }: Report): string {
  const facts = [...Object.entries(machine), ...Object.entries(versions)].map(([name, value]) => `- ${name}: ${value}`);
  return `## ${runtime}\n\n\`${command}\` on ${date}, ${rounds} rounds\n\n${facts.join("\n")}\n`;
}

function writeTables({ runtime, groups }: Report): string[] {
  const tables = GROUPS.flatMap((name) => groups[name]?.tables ?? []);
  return [`## Tables: ${runtime}\n`, ...tables.map((table) => writeTable(table, "###"))];
}
