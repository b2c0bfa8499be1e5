/** The benchmarks run and report all that they promise. Their figures are not tested. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { writeSummary } from "../../bench/_summary.ts";
import { writeTargetsOf } from "../../bench/_tables.ts";
import { TARGETS } from "../../bench/_targets.ts";
import { GROUPS, type Report, type Row } from "../../bench/_types.ts";
import { root, runtimeArgs, scratch } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";
import { needs } from "../support/programs.ts";

/** The permissions of the task. */
const permissions = ["ffi", "read", "write", "run", "env", "sys"].map((name) => `--allow-${name}`);

async function benchQuickly(...options: string[]): Promise<Report> {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, "bench-"));
  const file = join(folder, "report.json");
  const args = [...runtimeArgs(["--no-check", ...permissions]), join(root, "bench", "main.ts")];
  try {
    await promisify(execFile)(process.execPath, [...args, "--quick", "--json", file, ...options]);
    return JSON.parse(readFileSync(file, "utf8")) as Report;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const runTest = needs("cc");

runTest("benchmarks - a quick run reports every group, judges every target and fills the summary", async () => {
  const report = await benchQuickly();
  assertEquals(Object.keys(report.groups), [...GROUPS]);
  assertEquals(report.targets.map(({ what }) => what), TARGETS.map(({ what }) => what));
  for (const [index, { group, what }] of TARGETS.entries()) {
    if (report.groups[group]?.skipped !== undefined) continue;
    assertNotEquals([what, report.targets[index]?.verdict], [what, "not measured"]);
  }
  const summary = writeSummary([report]);
  for (const what of IN_EVERY_SUMMARY) assert(summary.includes(`\n| ${what} `), `${what} is not in:\n${summary}`);
});

/** The lines of the summary that do not need the large numbers of a full run. */
const IN_EVERY_SUMMARY = [
  "the same block again and again, ArrayBuffers",
  "the same block again and again, offsets",
  "replacing one of 1,000 live blocks at random, ArrayBuffers",
  "replacing one of 1,000 live blocks at random, offsets",
  "without a pool: `new ArrayBuffer(256)`",
  "without a pool: `new Uint8Array(256)`",
  "records in a pool",
  "the leanest plain objects",
  "plain objects as usual",
];

const machine = {
  runtime: "Deno",
  machine: {},
  versions: {},
  date: "",
  command: "",
  rounds: 1,
  quick: false,
  groups: {},
} as const;

test("benchmarks - an older report with other targets is shown beside a new one", () => {
  const known = { what: "a", target: "at most 1 ×", measured: "2 ×", verdict: "not reached" } as const;
  const added = { what: "b", target: "at least 1 ×", measured: "2 ×", verdict: "reached" } as const;
  const [, , first, second] = writeTargetsOf([
    { ...machine, targets: [known] },
    { ...machine, runtime: "Bun", targets: [added, known] },
  ]).split("\n").map((line) => line.split("|").map((cell) => cell.trim()).filter(Boolean));
  assertEquals(first, ["a", "at most 1 ×", "2 ×", "**not reached**", "at most 1 ×", "2 ×", "**not reached**"]);
  assertEquals(second, ["b", "**not measured**", "at least 1 ×", "2 ×", "reached"]);
});

test("benchmarks - the summary of an older report without some rows leaves these out", () => {
  const times: Row[] = [{ name: "pool", unit: "s", mean: 2 }, { name: "objects", unit: "s", mean: 20 }];
  const lean: Row = { name: "lean objects", unit: "s", mean: 3 };
  const reportOf = (rows: readonly Row[]): Report => {
    const tables = [{ title: "N-puzzle, time: 10 allocations", rows }];
    return { ...machine, targets: [], groups: { puzzle: { tables, measured: {} } } };
  };
  const linesOf = (reports: readonly Report[]): string[][] => {
    const lines = writeSummary(reports).split("\n").filter((line) => line.startsWith("| "));
    return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  };
  assertEquals(linesOf([reportOf(times)]).slice(-2), [
    ["records in a pool", "2.00 s", ""],
    ["plain objects as usual", "10.0 ×", ""],
  ]);
  assertEquals(linesOf([reportOf(times), reportOf([...times, lean])]).slice(-3), [
    ["records in a pool", "2.00 s", "", "2.00 s", ""],
    ["the leanest plain objects", "", "", "1.50 ×", ""],
    ["plain objects as usual", "10.0 ×", "", "10.0 ×", ""],
  ]);
});

runTest("benchmarks - a run of some groups reports only these", async () => {
  const report = await benchQuickly("--only", "init", "--only", "memory");
  assertEquals(Object.keys(report.groups), ["init", "memory"]);
});
