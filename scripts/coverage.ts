/**
 * Runs the tests and prints which share of the lines and branches of src they execute.
 *
 *     deno task coverage
 *     bun run coverage
 *     npm run coverage
 *
 * On Deno, fails if fewer than 95 % of the branches were executed, not counting the other runtimes' files. Bun only counts
 * lines. Node does not count what workers and other processes execute.
 */

import Table from "cli-table3";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { onDeno, root, run, runtime, scratch } from "./_project.ts";

interface Share {
  readonly of: number;
  readonly hit: number;
}

interface Coverage {
  readonly file: string;
  readonly lines: Share;
  readonly branches: Share;
}

const LEAST = 0.95;
/** The files that only the other runtimes execute. */
const OTHER_ADAPTERS = ["deno", "bun", "node"].filter((name) => name !== runtime.toLowerCase())
  .map((name) => `src/runtime/${name}.ts`);

const folder = join(scratch, "coverage");
rmSync(folder, { recursive: true, force: true });
const permissions = onDeno ? ["run", "--allow-read", "--allow-write", "--allow-run", "--allow-env"] : [];
const tested = run(process.execPath, [...permissions, join(root, "scripts", "test.ts"), "--coverage", folder]);
process.exitCode = tested === 0 ? show(parse(readLcov())) : tested;

function readLcov(): string {
  if (!onDeno) return readFileSync(join(folder, "lcov.info"), "utf8");
  const args = ["coverage", folder, "--include=/src/", "--lcov"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`Cannot read the coverage: ${stderr}`);
  return stdout;
}

/** In the lcov format, SF is a file; LF and LH are its lines found and hit; BRF and BRH are its branches. */
function parse(lcov: string): Coverage[] {
  const records = lcov.split("end_of_record").filter((record) => record.includes("SF:"));
  const all = records.map((record): Coverage => ({
    file: record.match(/^SF:(.*)$/m)![1]!.replace(/^.*?(?=src\/)/, ""),
    lines: { of: numberOf(record, "LF"), hit: numberOf(record, "LH") },
    branches: { of: numberOf(record, "BRF"), hit: numberOf(record, "BRH") },
  }));
  return all.filter(({ file }) => file.startsWith("src/") && !OTHER_ADAPTERS.includes(file));
}

function numberOf(record: string, name: string): number {
  return Number(record.match(new RegExp(`^${name}:(\\d+)$`, "m"))?.[1] ?? 0);
}

function show(files: readonly Coverage[]): number {
  const table = new Table({ head: ["file", "lines", "branches"], colAligns: ["left", "right", "right"] });
  const lines = sum(files.map((each) => each.lines));
  const branches = sum(files.map((each) => each.branches));
  for (const { file, lines, branches } of files) table.push([file, percent(lines), percent(branches)]);
  table.push(["all", percent(lines), percent(branches)]);
  console.log(table.toString());
  // Bun reports no branches.
  if (branches.of === 0 || branches.hit >= LEAST * branches.of) return 0;
  console.error(`Too few branches were executed: ${percent(branches)}, at least ${LEAST * 100} % are required`);
  return 1;
}

function sum(shares: readonly Share[]): Share {
  return shares.reduce((one, other) => ({ of: one.of + other.of, hit: one.hit + other.hit }), { of: 0, hit: 0 });
}

function percent({ of, hit }: Share): string {
  return of === 0 ? "" : `${(100 * hit / of).toFixed(1)} %`;
}
