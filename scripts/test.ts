/**
 * Runs the tests on the runtime that runs this script.
 *
 *     deno task test [--filter <part of a name>] [--coverage <folder>] [files or folders]
 *     bun run test [--filter <part of a name>] [--coverage <folder>] [files or folders]
 *     npm test -- [--filter <part of a name>] [--coverage <folder>] [files or folders]
 *
 * With --coverage, the runtime writes its coverage data, which scripts/coverage.ts reads, into the folder.
 * The last line says `N passed, N failed`.
 */

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { filesIn, installPackages, run, runtime, runtimeArgs, scratch } from "./_project.ts";
import { prepareStdAssert } from "./_std_assert.ts";

const { values, positionals } = parseArgs({
  options: { filter: { type: "string" }, coverage: { type: "string" } },
  allowPositionals: true,
});

mkdirSync(scratch, { recursive: true });
const report = join(scratch, `tests-${process.pid}.xml`);
const argumentsOf = { Deno: denoArguments, Bun: bunArguments, Node: nodeArguments };
const status = run(process.execPath, argumentsOf[runtime]());
const { passed, failed } = tally();
console.log(`${passed} passed, ${failed} failed`);
process.exit(status);

/** The check task checks types. Here, every run would check them again. */
function denoArguments(): string[] {
  // Some tests start a server on this machine.
  const permissions = ["ffi", "read", "write", "run", "env", "net=127.0.0.1"].map((name) => `--allow-${name}`);
  const filter = values.filter === undefined ? [] : [`--filter=${values.filter}`];
  const coverage = values.coverage === undefined ? [] : [`--coverage=${values.coverage}`];
  // --doc also runs the examples in the documentation of the exported symbols.
  const files = positionals.length > 0 ? positionals : ["--doc", "tests", "mod.ts", "src"];
  return [
    "test",
    "--no-check",
    ...permissions,
    ...prepareStdAssert(),
    ...filter,
    ...coverage,
    `--junit-path=${report}`,
    ...files,
  ];
}

function bunArguments(): string[] {
  installPackages();
  prepareStdAssert();
  const filter = values.filter === undefined ? [] : [`--test-name-pattern=${values.filter}`];
  const coverage = values.coverage === undefined
    ? []
    : ["--coverage", "--coverage-reporter=lcov", `--coverage-dir=${values.coverage}`];
  return ["test", ...filter, ...coverage, "--reporter=junit", `--reporter-outfile=${report}`, ...positionals];
}

/** Each file runs in a process of its own, one after the other, because some tests measure or need most of the memory. */
function nodeArguments(): string[] {
  installPackages();
  prepareStdAssert();
  // A test of a clone runs this script, and the variable would make the runner skip all files.
  delete process.env["NODE_TEST_CONTEXT"];
  // Otherwise every process and every worker would strip the types of all sources again.
  process.env["NODE_COMPILE_CACHE"] ??= join(scratch, "node-compile-cache");
  const filter = values.filter === undefined ? [] : [`--test-name-pattern=${escaped(values.filter)}`];
  const coverage = values.coverage === undefined ? [] : [
    "--experimental-test-coverage",
    "--test-reporter=lcov",
    `--test-reporter-destination=${join(values.coverage, "lcov.info")}`,
  ];
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  const junit = ["--test-reporter=junit", `--test-reporter-destination=${report}`];
  const places = positionals.length > 0 ? positionals : ["tests"];
  const files = places.flatMap((place) => place.endsWith(".ts") ? [place] : filesIn(place, "_test.ts"));
  // As on the other runtimes, workers that a test leaves behind do not keep the process running.
  const flags = ["--test", "--test-concurrency=1", "--test-force-exit"];
  return [...flags, ...runtimeArgs([]), ...filter, ...coverage, ...reporters, ...junit, ...files];
}

/** A regular expression that matches this text. */
function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Counts the tests in the report that all runners write. A runner that fails without a failed test counts as one. */
function tally(): { passed: number; failed: number } {
  const xml = readReport();
  const count = (element: string): number => xml.match(new RegExp(`<${element}[\\s>/]`, "g"))?.length ?? 0;
  const failures = count("failure") + count("error");
  const failed = status === 0 ? failures : Math.max(failures, 1);
  return { passed: Math.max(count("testcase") - failures - count("skipped"), 0), failed };
}

function readReport(): string {
  try {
    return readFileSync(report, "utf8");
  } catch {
    return ""; // the runner ended before it wrote the report
  } finally {
    rmSync(report, { force: true });
  }
}
