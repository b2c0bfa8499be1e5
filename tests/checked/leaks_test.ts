/** Checked pools: the blocks that are still allocated, as leaks() lists them and as the report at the end of a pool. */

import { assert, assertEquals } from "@std/assert";
import * as mempool from "mempool";
import { type LeakInfo, MemPool } from "mempool";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, scratch } from "../../scripts/_project.ts";
import { LAST_SEQUENCE } from "../../src/region/layout.ts";
import { describeLeaks } from "../../src/checked/leaks.ts";
import { allocateElsewhere, allocateHere, assertInnermost, CHECKED } from "./_checked.ts";
import { EXPOSE_GC, runChild } from "../support/child.ts";
import { test } from "../support/harness.ts";
import { assertRefused, insideOf, makePool, present, warningsOf, withPool } from "../support/pool.ts";

function allocateManyElsewhere(pool: MemPool, count: number): ArrayBuffer[] {
  const blocks = present(pool.allocMany(count, 100));
  return blocks;
}

/** Runs `act`, which must print one message with console.warn, and returns the message. */
function reportOf(act: () => void): string {
  const warnings = warningsOf(act);
  assertEquals([warnings.length, warnings[0]?.length, typeof warnings[0]?.[0]], [1, 1, "string"]);
  return String(warnings[0]![0]);
}

/**
 * Splits a report into its first line and its sites: the line above each stack, and the function of the innermost
 * frame.
 */
function readReport(report: string): { line: string; sites: [string, string][] } {
  const [line = "", ...rest] = report.split("\n");
  const sites: [string, string][] = [];
  for (const [index, text] of rest.entries()) {
    if (!text.startsWith("    at ")) sites.push([text, /^    at (\w+) \(/.exec(rest[index + 1] ?? "")?.[1] ?? ""]);
  }
  return { line, sites };
}

test("leak report - groups leaks by site, the oldest first, with numbers of blocks and bytes", () => {
  const pool = makePool(CHECKED);
  const { id } = pool.handle;
  for (let time = 0; time < 3; time++) allocateHere(pool, 100);
  const freed = allocateElsewhere(pool, 10);
  for (let time = 0; time < 2; time++) allocateManyElsewhere(pool, 2);
  for (let time = 0; time < 2; time++) allocateElsewhere(pool, 1);
  pool.free(freed);
  allocateElsewhere(pool, 500);
  const { line, sites } = readReport(reportOf(() => pool.destroy()));
  assertEquals(line, `mempool: pool ${id} destroyed: 10 blocks, 1202 bytes, still allocated`);
  assertEquals(sites, [
    ["3 blocks, 300 bytes, allocated", "allocateHere"],
    ["4 blocks, 400 bytes, allocated", "allocateManyElsewhere"],
    ["2 blocks, 2 bytes, allocated", "allocateElsewhere"],
    ["1 block, 500 bytes, allocated", "allocateElsewhere"],
  ]);
});

/** Allocates from a different site for each depth. */
function allocateAtDepth(pool: MemPool, depth: number, bytes: number): void {
  if (depth > 0) allocateAtDepth(pool, depth - 1, bytes);
  else allocateHere(pool, bytes);
}

test("leak report - orders sites by their oldest leak, not by blocks that were freed", () => {
  const pool = makePool(CHECKED);
  const [first, second] = [present(pool.alloc(1)), allocateElsewhere(pool, 2)];
  for (const depth of [3, 1, 2, 1, 3, 3]) allocateAtDepth(pool, depth, 10 ** depth);
  pool.freeMany([first, second]);
  allocateElsewhere(pool, 2);
  const { sites } = readReport(reportOf(() => pool.destroy()));
  assertEquals(sites.map(([line]) => line), [
    "3 blocks, 3000 bytes, allocated",
    "2 blocks, 20 bytes, allocated",
    "1 block, 100 bytes, allocated",
    "1 block, 2 bytes, allocated",
  ]);
});

/** A leak from the given site. */
function leakAt(site: number, byteLength: number): LeakInfo {
  return { offset: 0, byteLength, owner: 1, stack: `    at site${site} (file.ts:1:1)` };
}

test("leak report - shows the twenty oldest sites and counts the others", () => {
  const twenty = Array.from({ length: 20 }, (_, site) => leakAt(site, 100 + site));
  const shown = twenty.map(({ byteLength }, site): [string, string] => [
    `${site === 5 ? "2 blocks" : "1 block"}, ${byteLength + (site === 5 ? 7 : 0)} bytes, allocated`,
    `site${site}`,
  ]);
  for (
    const [more, count, line] of [
      [[], "21 blocks, 2197 bytes", undefined],
      [[leakAt(20, 1)], "22 blocks, 2198 bytes", "… and 1 more site: 1 block, 1 byte"],
      [
        [21, 20, 21, 22].map((site) => leakAt(site, 10)),
        "25 blocks, 2237 bytes",
        "… and 3 more sites: 4 blocks, 40 bytes",
      ],
    ] as const
  ) {
    const report = readReport(describeLeaks([...twenty, ...more, leakAt(5, 7)]));
    assertEquals(report.line, `${count}, still allocated`);
    assertEquals(report.sites, line === undefined ? shown : [...shown, [line, ""]]);
  }
  assertEquals(describeLeaks([]), "");
});

test('leak report - says "1 block, 1 byte" in the singular', () => {
  const pool = makePool(CHECKED);
  allocateHere(pool, 1);
  const { line, sites } = readReport(reportOf(() => pool.destroy()));
  assertEquals(line, `mempool: pool ${pool.handle.id} destroyed: 1 block, 1 byte, still allocated`);
  assertEquals(sites, [["1 block, 1 byte, allocated", "allocateHere"]]);
});

/** The ways to destroy a pool. */
const DESTRUCTIONS: Readonly<Record<string, (pool: MemPool) => void>> = {
  "destroy": (pool) => pool.destroy(),
  "disposal": (pool) => pool[Symbol.dispose](),
  "destroy by another object": (pool) => MemPool.attach(pool.handle).destroy(),
};

for (const [end, act] of Object.entries(DESTRUCTIONS)) {
  test(`leak report - ${end} prints one report, and none if nothing leaks`, () => {
    const leaky = makePool(CHECKED);
    allocateHere(leaky, 10);
    const report = reportOf(() => {
      act(leaky);
      leaky.destroy();
      leaky.close();
    });
    assert(
      report.startsWith(`mempool: pool ${leaky.handle.id} destroyed: 1 block, 10 bytes, still allocated\n`),
      report,
    );

    const clean = makePool(CHECKED);
    clean.free(allocateHere(clean, 10));
    clean.freeMany(allocateManyElsewhere(clean, 3));
    clean.freeOffset(clean.reallocOffset(clean.allocOffset(10), 1000));
    assertEquals(warningsOf(() => act(clean)), []);
  });
}

test("leak report - close prints none, because the blocks stay allocated", () => {
  const pool = makePool(CHECKED);
  const { handle } = pool;
  const block = allocateHere(pool, 10);
  assertEquals(warningsOf(() => pool.close()), []);
  const again = MemPool.attach(handle);
  assertEquals(again.leaks().length, 1);
  again.free(block);
  assertEquals(warningsOf(() => again.destroy()), []);
});

test("leak report - destroy of the default pool prints one", () => {
  const { handle } = mempool.init(4096, 64, CHECKED);
  mempool.alloc(10);
  const report = reportOf(() => mempool.destroy());
  assert(report.startsWith(`mempool: pool ${handle.id} destroyed: 1 block, 10 bytes, still allocated\n`), report);
});

test("leak report - a console that throws does not prevent destroy", () => {
  const pool = makePool(CHECKED);
  allocateHere(pool, 10);
  const { warn } = console;
  console.warn = () => {
    throw new Error("no warnings here");
  };
  let thrown: unknown;
  try {
    pool.destroy();
  } catch (error) {
    thrown = error;
  } finally {
    console.warn = warn;
  }
  assertEquals([String(thrown), pool.destroyed], ["Error: no warnings here", true]);
  assertRefused(() => pool.alloc(1), "destroyed", "Cannot allocate: the pool is destroyed");
});

test("leak report - names the cause if the lock cannot be taken, and the pool is destroyed", () => {
  const pool = makePool({ ...CHECKED, lockTimeout: 20 });
  const { header } = insideOf(pool).region;
  allocateHere(pool, 10);
  header.fill(-1, 0, 32); // overwrites the lock
  const report = reportOf(() => pool.destroy());
  const start =
    `mempool: pool ${pool.handle.id} destroyed: leaks unknown: Cannot list leaks: the lock itself is broken`;
  assert(report.startsWith(start), report);
  assert(pool.destroyed);
});

test("leaks - of an unchecked pool throws, and destroy prints no report", () => {
  const pool = makePool({ checked: false });
  pool.alloc(10);
  const message = "Cannot list leaks: the pool was made without checked: true";
  assertRefused(() => pool.leaks(), "unsupported", message);
  assertEquals(warningsOf(() => pool.destroy()), []);
  assertRefused(() => pool.leaks(), "destroyed", "Cannot list leaks: the pool is destroyed");
});

test(
  "leaks - lists the blocks of every kind of allocation, the oldest first",
  withPool((pool) => {
    assertEquals(pool.leaks(), []);
    const block = allocateHere(pool, 100);
    const offset = pool.allocOffset(10);
    present(pool.calloc(3, 5));
    pool.callocOffset(1, 20);
    allocateManyElsewhere(pool, 2);
    const listed = (): [number, number][] => pool.leaks().map(({ offset, byteLength }) => [offset / 64, byteLength]);
    assertEquals(listed(), [[0, 100], [2, 10], [3, 15], [4, 20], [5, 100], [7, 100]]);
    pool.realloc(block, 70);
    assertEquals(listed(), [[2, 10], [3, 15], [4, 20], [5, 100], [7, 100], [0, 70]]);
    pool.freeOffset(offset);
    pool.realloc(pool.at(0), 1000);
    assertEquals(listed(), [[3, 15], [4, 20], [5, 100], [7, 100], [9, 1000]]);
    pool.freeMany(pool.leaks().map(({ offset }) => pool.at(offset)));
    assertEquals(listed(), []);
  }, CHECKED),
);

test(
  "leaks - keeps the order of time when sequence numbers wrap around, and no sequence number is 0",
  withPool((pool) => {
    const { header } = insideOf(pool).region;
    for (const last of [2 ** 31 - 3, -3]) {
      header[LAST_SEQUENCE] = last;
      const blocks = [10, 20, 30, 40, 50].map((bytes) => allocateHere(pool, bytes));
      assertEquals(pool.leaks().map(({ byteLength }) => byteLength), [10, 20, 30, 40, 50]);
      for (const block of blocks) assert(pool.owns(block));
      pool.freeMany(blocks);
    }
  }, CHECKED),
);

test(
  "leaks - stacks begin with the caller's frame even if the program changes the format of stacks",
  withPool((pool) => {
    const settings = Error as { stackTraceLimit?: unknown; prepareStackTrace?: unknown };
    const { stackTraceLimit, prepareStackTrace } = settings;
    const before = Object.getOwnPropertyNames(Error).sort();
    try {
      for (const limit of [0, 1, "many", undefined]) {
        settings.stackTraceLimit = limit;
        allocateHere(pool, 10);
        assertEquals(settings.stackTraceLimit, limit);
      }
      settings.stackTraceLimit = 10;
      const fail = (): never => {
        throw new Error("the caller's code ran");
      };
      for (const prepare of [(_: Error, frames: unknown) => frames, fail]) {
        settings.prepareStackTrace = prepare;
        allocateHere(pool, 10);
        assertEquals(settings.prepareStackTrace, prepare);
      }
    } finally {
      settings.stackTraceLimit = stackTraceLimit;
      settings.prepareStackTrace = prepareStackTrace;
      if (!before.includes("prepareStackTrace")) delete settings.prepareStackTrace;
    }
    const leaks = pool.leaks();
    assertEquals(leaks.length, 6);
    for (const { stack } of leaks) assertInnermost(stack.split("\n"), "allocateHere");
    allocateHere(pool, 10);
    assertEquals(Object.getOwnPropertyNames(Error).sort(), before);
  }, CHECKED),
);

test("leak report - a garbage-collected pool object leads to one only if nothing else has the pool", async () => {
  const program = new URL("./_collected_program.ts", import.meta.url);
  const reports = JSON.parse(await runChild(program, [], 60_000, { moreFlags: EXPOSE_GC })) as Record<string, string[]>;
  const lines = Object.fromEntries(
    Object.entries(reports).map(([name, all]) => [name, [...new Set(all.map((line) => readReport(line).line))]]),
  );
  const numbers = Object.fromEntries(Object.entries(reports).map(([name, all]) => [name, all.length]));
  assertEquals(numbers, {
    "with blocks": 4,
    "with none": 0,
    "with two objects": 4,
    "while another object is kept": 0,
    "unchecked": 0,
    "after close": 0,
    "after destroy": 0,
    "with a broken lock": 8,
    "while a worker has it": 0,
    "after a worker that had it was terminated": 1,
  });
  for (const line of lines["with blocks"]!) {
    assert(/^mempool: pool \d+ garbage-collected: 2 blocks, 110 bytes, still allocated$/.test(line), line);
  }
  const broken = / garbage-collected: (leaks unknown: Cannot list leaks|Cannot close): the lock itself is broken, /;
  for (const line of lines["with a broken lock"]!) assert(broken.test(line), line);
  for (const report of reports["with blocks"]!) {
    const sites = [["1 block, 100 bytes, allocated", "allocateAndDrop"], [
      "1 block, 10 bytes, allocated",
      "allocateAndDrop",
    ]];
    assertEquals(readReport(report).sites, sites);
  }
});

test("leaks - a stack has all frames if program and library are one file", async () => {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, "bundled-"));
  try {
    const library = readFileSync(join(root, "src", "checked", "call_stack.ts"), "utf8");
    const file = join(folder, "program.ts");
    writeFileSync(file, `${library}\nexport function useIt(): string[] {\n  return [callersStack()];\n}\n`);
    const program = await import(pathToFileURL(file).href) as { useIt(): string[] };
    const [stack = ""] = program.useIt();
    assert(/^    at callersStack \(.*\n(    at .*\n)*?    at (\w+\.)?useIt \(/.test(stack), stack);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
