/**
 * V8 inlines the calls of the fast paths into the loops of a program, which takes a quarter off a pair of `alloc` and
 * `free`. A few bytecodes more can end that: the first comment of src/cache/block_cache.ts has the rule. JavaScriptCore
 * has other limits and no such report.
 */

import { assert, assertArrayIncludes, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { onBun, runtimeArgs } from "../../scripts/_project.ts";
import { v8Flags } from "../support/child.ts";
import { skip, test } from "../support/harness.ts";
import { inScratch } from "../support/package.ts";

/** By the loop of the program, the functions of the library that it is to contain. */
const expected: Readonly<Record<string, readonly string[]>> = {
  fillWithBuffers: ["alloc", "take", "claim", "over"],
  freeBuffers: ["free", "stamped", "give"],
  fillWithOffsets: ["allocOffset", "take", "claim"],
  freeOffsets: ["freeOffset", "giveAt", "blockAt", "give"],
  replaceOffsets: ["allocOffset", "take", "claim", "freeOffset", "giveAt", "blockAt", "give"],
};

const never = 1_000_000_000;

const flags = [
  "--allow-natives-syntax",
  "--trace-turbo-inlining",
  `--invocation-count-for-turbofan=${never}`,
  `--invocation-count-for-early-optimization=${never}`,
  "--no-maglev",
  "--no-use-osr",
  "--no-concurrent-recompilation", // two threads would mix their lines
];

/** Runs the program with its output in a file, because V8 drops what a pipe does not take at once. */
function reportOf(program: URL, folder: string): string {
  const file = join(folder, "report.txt");
  const output = openSync(file, "w");
  const args = [...runtimeArgs(["--no-check", "--allow-all"]), ...v8Flags(flags), fileURLToPath(program.href)];
  const { status } = spawnSync(process.execPath, args, { stdio: ["ignore", output, "inherit"] });
  closeSync(output);
  assertEquals(status, 0);
  return readFileSync(file, "utf8");
}

const v8Test = onBun ? skip("JavaScriptCore does not report what it inlines") : test;

v8Test("inlining - V8 compiles alloc and free into the loops that call them", () =>
  inScratch((folder) => {
    const report = reportOf(new URL("./_inlining_program.ts", import.meta.url), folder);
    const lines = report.matchAll(/^Inlining .*<SharedFunctionInfo (\w+)>\} into .*<SharedFunctionInfo (\w+)>\}/gm);
    const inlined: Record<string, string[]> = {};
    for (const [, callee, loop] of lines) (inlined[loop!] ??= []).push(callee!);
    for (const [loop, callees] of Object.entries(expected)) assertArrayIncludes(inlined[loop] ?? [], callees, loop);
    // Not the making of new buffers, or `alloc` would be too long in a program that has just filled a pool.
    for (const caller of ["over", "alloc", "fillWithBuffers"]) assert(!inlined[caller]?.includes("make"), caller);
  }));
