/** Maps as text: the exact lines. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Inspectable, mapAsText, PoolHistory, surveyPool, type TextOptions } from "mempool/inspect";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { test } from "../support/harness.ts";
import { lettered } from "../support/inspect.ts";
import { assertError, assertRefused, makePool } from "../support/pool.ts";

function plain(pool: Inspectable, options: TextOptions = {}): string[] {
  return mapAsText(pool, { colours: false, ...options }).split("\n");
}

test("text - draws a small pool with heading, rows and legend", () => {
  assertEquals(plain(lettered("AAA.bb+#...BB...." + "a".repeat(3))), [
    "Pool of 1.25 KiB: 20 blocks of 64 bytes",
    "allocated 6 (30 %), cached 6 (30 %), free 8 (40 %)",
    "longest free run 7 blocks, fragmentation 50 %",
    "",
    "0 bytes  AAA·bb+#···BB───",
    "  1 KiB  ─aaa",
    "",
    "#  no worker: 1 block allocated, 1 cached",
    "A  worker 1: 3 blocks allocated, 3 cached",
    "B  worker 2: 2 blocks allocated, 2 cached",
    "one character is 1 block; A allocated, a cached, · free, ─ the longest free run",
  ]);
});

test("text - draws a new pool and a full one", () => {
  assertEquals(plain(lettered("...")).slice(4, 6), ["0 bytes  ───", ""]);
  assertEquals(plain(lettered("...")).slice(1, 3), [
    "allocated 0 (0 %), cached 0 (0 %), free 3 (100 %)",
    "longest free run 3 blocks, fragmentation 0 %",
  ]);
  assertEquals(plain(lettered("AAA")).slice(4, 6), ["0 bytes  AAA", ""]);
});

test("text - a character shows the state of most of its part, on a tie the one more in use", () => {
  const rows = (letters: string): string => plain(lettered(letters), { cells: 2 })[4]!;
  assertEquals(rows("AA..Aa.."), "0 bytes  A─");
  assertEquals(rows("Aa..Bbb."), "0 bytes  ─b");
  assertEquals(rows("aA.abbB."), "0 bytes  ab");
  assertEquals(rows("a.a.Bb.."), "0 bytes  a·");
});

test("text - a row has the given number of columns", () => {
  assertEquals(plain(lettered("A".repeat(7)), { columns: 3 }).slice(4, 7), [
    "  0 bytes  AAA",
    "192 bytes  AAA",
    "384 bytes  A",
  ]);
  assertError(
    () => plain(lettered("A"), { columns: 0 }),
    RangeError,
    "Cannot inspect pool: columns must be a whole number from 1 to 512, got 0",
  );
});

test("text - the curves have one column for each sample", () => {
  const history = new PoolHistory(20);
  for (let blocks = 0; blocks <= 8; blocks++) {
    const survey = surveyPool(lettered("A".repeat(blocks) + ".".repeat(8 - blocks)));
    history.add({ ...survey, time: 1000 * blocks });
  }
  assertEquals(plain(lettered("A"), { history }).slice(-3), [
    "",
    "allocated       ▂▃▄▅▆▇██  of all blocks, the last 8 s",
    "fragmentation           ",
  ]);
});

test("text - colours change no character, and every code ends within its row", () => {
  const pool = lettered("AAAb+#cDEFGHIJ.K");
  const coloured = mapAsText(pool, { colours: true });
  assertEquals(stripVTControlCharacters(coloured), mapAsText(pool, { colours: false }));
  assertMatch(coloured, /\x1b\[37m\x1b\[44mAAA\x1b\[49m\x1b\[39m\x1b\[33mb\x1b\[39m\x1b\[2m\+\x1b\[22m/);
  for (const row of coloured.split("\n")) {
    const codes = [...row.matchAll(/\x1b\[(\d+)m/g)].map(([, code]) => Number(code));
    const begun = codes.filter((code) => ![22, 39, 49].includes(code)).length;
    assertEquals(codes.length, 2 * begun, JSON.stringify(row));
  }
});

test("text - has colours by default on a terminal, unless NO_COLOR is set", () => {
  const pool = lettered("A");
  const { isTTY } = process.stdout;
  const { NO_COLOR } = process.env;
  const isColoured = (terminal: boolean, forbidden: string): boolean => {
    process.stdout.isTTY = terminal;
    process.env["NO_COLOR"] = forbidden;
    return mapAsText(pool).includes("\x1b");
  };
  try {
    assertEquals([isColoured(true, ""), isColoured(false, ""), isColoured(true, "1")], [true, false, false]);
  } finally {
    process.stdout.isTTY = isTTY;
    if (NO_COLOR === undefined) delete process.env["NO_COLOR"];
    else process.env["NO_COLOR"] = NO_COLOR;
  }
});

test("text - draws a survey as the pool was at that time", () => {
  using pool = makePool({ blocks: 4 });
  const survey = surveyPool(pool);
  pool.alloc(64);
  assertEquals(mapAsText(survey, { colours: false }).split("\n")[4], "0 bytes  ────");
  assert(mapAsText(pool, { colours: false }).includes("───"));
});

test("text - of a destroyed pool throws the error of the pool", () => {
  const pool = makePool();
  pool.destroy();
  assertRefused(() => mapAsText(pool), "destroyed", "Cannot collect statistics: the pool is destroyed");
});
