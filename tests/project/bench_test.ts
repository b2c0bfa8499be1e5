/** The benchmarks run, and report all that they promise. How fast things are is not tested. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { writeTargetsOf } from "../../bench/_tables.ts";
import { TARGETS } from "../../bench/_targets.ts";
import { GROUPS, type Report } from "../../bench/_types.ts";
import { onDeno, root, scratch } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";

/** As the task does. */
const permissions = ["ffi", "read", "write", "run", "env", "sys"].map((name) => `--allow-${name}`);

async function benchQuickly(...options: string[]): Promise<Report> {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, "bench-"));
  const file = join(folder, "report.json");
  const args = [...(onDeno ? ["run", "--no-check", ...permissions] : []), join(root, "bench", "main.ts")];
  try {
    await promisify(execFile)(process.execPath, [...args, "--quick", "--json", file, ...options]);
    return JSON.parse(readFileSync(file, "utf8")) as Report;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("benchmarks - a quick run reports every group and judges every target", async () => {
  const report = await benchQuickly();
  assertEquals(Object.keys(report.groups), [...GROUPS]);
  assertEquals(report.targets.map(({ what }) => what), TARGETS.map(({ what }) => what));
  for (const [index, { group, what }] of TARGETS.entries()) {
    if (report.groups[group]?.skipped !== undefined) continue;
    assertNotEquals([what, report.targets[index]?.verdict], [what, "not measured"]);
  }
});

test("benchmarks - a report of a time when there were other targets is shown beside a new one", () => {
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
  const known = { what: "a", target: "at most 1 ×", measured: "2 ×", verdict: "not reached" } as const;
  const added = { what: "b", target: "at least 1 ×", measured: "2 ×", verdict: "reached" } as const;
  const [, , first, second] = writeTargetsOf([
    { ...machine, targets: [known] },
    { ...machine, runtime: "Bun", targets: [added, known] },
  ]).split("\n").map((line) => line.split("|").map((cell) => cell.trim()).filter(Boolean));
  assertEquals(first, ["a", "at most 1 ×", "2 ×", "**not reached**", "at most 1 ×", "2 ×", "**not reached**"]);
  assertEquals(second, ["b", "**not measured**", "at least 1 ×", "2 ×", "reached"]);
});

test("benchmarks - a run of some groups has these only", async () => {
  const report = await benchQuickly("--only", "init", "--only", "memory");
  assertEquals(Object.keys(report.groups), ["init", "memory"]);
});
