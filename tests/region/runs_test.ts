import { assert, assertEquals, assertFalse } from "@std/assert";
import { checkInvariants } from "../../src/diagnostics/invariants.ts";
import { COALESCED, FREE_BLOCKS, HIGH_WATER, NONE } from "../../src/region/layout.ts";
import type { Views } from "../../src/region/region.ts";
import { test } from "../support/harness.ts";
import { BLOCK_SIZE, give, picture, plainViews, take } from "../support/plain.ts";

/** A table of runs of these lengths in this order; those of free runs are negative. */
function layOut(lengths: readonly number[]): Views {
  const views = plainViews(lengths.reduce((sum, length) => sum + Math.abs(length), 0));
  const firsts = lengths.map((length) => take(views, Math.abs(length)));
  lengths.forEach((length, place) => {
    if (length < 0) give(views, firsts[place]!);
  });
  assertEquals(picture(views), lengths.join(" "));
  return views;
}

function assertPicture(views: Views, expected: string): void {
  assertEquals(picture(views), expected);
  checkInvariants(views);
}

function resize({ runs }: Views, block: number, length: number): boolean {
  return runs.resize(block, length, length * BLOCK_SIZE, 1);
}

test("format - writes one free run over everything, for any number of blocks", () => {
  for (const blockCount of [2, 3, 31, 32, 33, 64, 1000, 4097]) {
    const views = plainViews(blockCount);
    assertPicture(views, `${-blockCount}`);
    assertEquals(views.header[FREE_BLOCKS], blockCount);
  }
});

test("format - writes three words of the table, whatever its length", () => {
  const { table } = plainViews(4096);
  const written = [...table.words.keys()].filter((word) => table.words[word] !== 0);
  assert(written.every((word) => word < 4 || word >= 4 * 4095), `words ${written.join()}`);
});

test("allocate - splits what is longer", () => {
  const views = plainViews(10);
  assertEquals(take(views, 3), 0);
  assertPicture(views, "3 -7");
  assertEquals(take(views, 1), 3);
  assertPicture(views, "3 1 -6");
});

test("allocate - takes all of a run that fits exactly", () => {
  const views = plainViews(10);
  assertEquals(take(views, 10), 0);
  assertPicture(views, "10");
  assertEquals(take(views, 1), NONE);
});

test("allocate - refuses what no run holds, though the sum would", () => {
  const views = layOut([-3, 1, -3, 1, -3]);
  assertEquals(take(views, 4), NONE);
  assertPicture(views, "-3 1 -3 1 -3");
});

test("allocate - high water stays at its highest", () => {
  const views = plainViews(10);
  const block = take(views, 6);
  give(views, block);
  take(views, 2);
  assertEquals([views.header[HIGH_WATER], views.header[FREE_BLOCKS]], [6, 8]);
});

test("release - between two taken runs joins nothing", () => {
  const views = layOut([2, 3, 4]);
  give(views, 2);
  assertPicture(views, "2 -3 4");
  assertEquals(views.counters[COALESCED], 0);
});

test("release - joins the free run on the left", () => {
  const views = layOut([-2, 3, 4]);
  give(views, 2);
  assertPicture(views, "-5 4");
  assertEquals(views.counters[COALESCED], 1);
});

test("release - joins the free run on the right", () => {
  const views = layOut([2, 3, -4]);
  give(views, 2);
  assertPicture(views, "2 -7");
  assertEquals(views.counters[COALESCED], 1);
});

test("release - joins both", () => {
  const views = layOut([1, -2, 3, -4, 1]);
  give(views, 3);
  assertPicture(views, "1 -9 1");
  assertEquals(views.counters[COALESCED], 2);
});

test("release - joins single blocks on both sides", () => {
  const views = layOut([1, -1, 1, -1, 1]);
  give(views, 2);
  assertPicture(views, "1 -3 1");
});

test("release - at the very start and the very end of the table", () => {
  const views = layOut([1, 2, 1]);
  give(views, 0);
  give(views, 3);
  assertPicture(views, "-1 2 -1");
  give(views, 1);
  assertPicture(views, "-4");
});

test("resize - the same length changes what was asked for and nothing else", () => {
  const views = layOut([2, 3, -4]);
  assert(views.runs.resize(2, 3, 2 * BLOCK_SIZE + 1, 1));
  assertPicture(views, "2 3 -4");
  assertEquals(views.table.requested(2), 2 * BLOCK_SIZE + 1);
});

test("resize - grows into a part of the free run on the right", () => {
  const views = layOut([2, 3, -4, 1]);
  assert(resize(views, 2, 5));
  assertPicture(views, "2 5 -2 1");
});

test("resize - grows into all of the free run on the right", () => {
  const views = layOut([2, 3, -4, 1]);
  assert(resize(views, 2, 7));
  assertPicture(views, "2 7 1");
});

test("resize - a single block becomes a run, and a run a single block", () => {
  const views = layOut([1, -4]);
  assert(resize(views, 0, 3));
  assertPicture(views, "3 -2");
  assert(resize(views, 0, 1));
  assertPicture(views, "1 -4");
});

test("resize - does not grow past the free run, into a taken one or past the end", () => {
  for (const [lengths, block] of [[[2, 3, -4, 1], 2], [[2, 3, 1], 2], [[-2, 3], 2]] as const) {
    const views = layOut(lengths);
    assertFalse(resize(views, block, 8));
    assertPicture(views, lengths.join(" "));
  }
});

test("resize - shrinking gives the tail back, joined with what is free behind it", () => {
  const views = layOut([2, 5, 1]);
  assert(resize(views, 2, 2));
  assertPicture(views, "2 2 -3 1");
  assert(resize(views, 2, 1));
  assertPicture(views, "2 1 -4 1");
});

test("resize - high water follows growth", () => {
  const views = layOut([2, -8]);
  assert(resize(views, 0, 9));
  assertEquals([views.header[HIGH_WATER], views.header[FREE_BLOCKS]], [10, 1]);
});

test("roomAround - counts the free runs on both sides", () => {
  const views = layOut([1, -2, 3, -4, 1]);
  assertEquals([5, 9, 10].map((length) => views.runs.roomAround(3, length)), [1, 1, NONE]);
});

test("roomAround - nothing without a free run on the left", () => {
  assertEquals(layOut([1, 3, -4]).runs.roomAround(1, 3), NONE);
  assertEquals(layOut([3, -4]).runs.roomAround(0, 3), NONE);
});

test("roomAround - a taken run on the right adds nothing", () => {
  const views = layOut([-2, 3, 4]);
  assertEquals([5, 6].map((length) => views.runs.roomAround(2, length)), [0, NONE]);
});

test("allocateAt - takes the start of that very run", () => {
  const views = layOut([-2, 1, -5, 1]);
  views.runs.allocateAt(3, 2, 2 * BLOCK_SIZE, 1);
  assertPicture(views, "-2 1 2 -3 1");
});
