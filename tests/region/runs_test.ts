/**
 * Runs on a region over plain memory: allocate, coalesce and resize. Tests describe a region by its `picture`, as "2 -3
 * 1".
 */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { checkInvariants } from "../../src/diagnostics/invariants.ts";
import { COALESCED, FREE_BLOCKS, HIGH_WATER, NONE } from "../../src/region/layout.ts";
import type { Region } from "../../src/region/region.ts";
import { test } from "../support/harness.ts";
import { BLOCK_SIZE, give, picture, plainRegion, take } from "../support/plain.ts";

/** A region with runs of these lengths, in this order. Negative lengths are those of free runs. */
function layOut(lengths: readonly number[]): Region {
  const region = plainRegion(lengths.reduce((sum, length) => sum + Math.abs(length), 0));
  const firsts = lengths.map((length) => take(region, Math.abs(length)));
  lengths.forEach((length, place) => {
    if (length < 0) give(region, firsts[place]!);
  });
  assertEquals(picture(region), lengths.join(" "));
  return region;
}

function assertPicture(region: Region, expected: string): void {
  assertEquals(picture(region), expected);
  checkInvariants(region);
}

function resize({ runs }: Region, block: number, length: number): boolean {
  return runs.resize(block, length, length * BLOCK_SIZE, 1);
}

test("format - makes the whole table one free run, for any number of blocks", () => {
  for (const blockCount of [2, 3, 31, 32, 33, 64, 1000, 4097]) {
    const region = plainRegion(blockCount);
    assertPicture(region, `${-blockCount}`);
    assertEquals(region.header[FREE_BLOCKS], blockCount);
  }
});

test("format - writes only the first and the last descriptor, whatever the length of the table", () => {
  const { table } = plainRegion(4096);
  const written = [...table.words.keys()].filter((word) => table.words[word] !== 0);
  assert(written.every((word) => word < 4 || word >= 4 * 4095), `words ${written.join()}`);
});

test("allocateAt - splits a free run that is longer", () => {
  const region = plainRegion(10);
  assertEquals(take(region, 3), 0);
  assertPicture(region, "3 -7");
  assertEquals(take(region, 1), 3);
  assertPicture(region, "3 1 -6");
});

test("allocateAt - takes all of a free run that fits exactly", () => {
  const region = plainRegion(10);
  assertEquals(take(region, 10), 0);
  assertPicture(region, "10");
  assertEquals(take(region, 1), NONE);
});

test("find - returns NONE if no free run is long enough, although all together are", () => {
  const region = layOut([-3, 1, -3, 1, -3]);
  assertEquals(take(region, 4), NONE);
  assertPicture(region, "-3 1 -3 1 -3");
});

test("high water - does not fall when blocks are freed", () => {
  const region = plainRegion(10);
  const block = take(region, 6);
  give(region, block);
  take(region, 2);
  assertEquals([region.header[HIGH_WATER], region.header[FREE_BLOCKS]], [6, 8]);
});

test("coalesce - between two allocated runs joins nothing", () => {
  const region = layOut([2, 3, 4]);
  give(region, 2);
  assertPicture(region, "2 -3 4");
  assertEquals(region.counters[COALESCED], 0);
});

test("coalesce - joins the free run on the left", () => {
  const region = layOut([-2, 3, 4]);
  give(region, 2);
  assertPicture(region, "-5 4");
  assertEquals(region.counters[COALESCED], 1);
});

test("coalesce - joins the free run on the right", () => {
  const region = layOut([2, 3, -4]);
  give(region, 2);
  assertPicture(region, "2 -7");
  assertEquals(region.counters[COALESCED], 1);
});

test("coalesce - joins the free runs on both sides", () => {
  const region = layOut([1, -2, 3, -4, 1]);
  give(region, 3);
  assertPicture(region, "1 -9 1");
  assertEquals(region.counters[COALESCED], 2);
});

test("coalesce - joins single blocks on both sides", () => {
  const region = layOut([1, -1, 1, -1, 1]);
  give(region, 2);
  assertPicture(region, "1 -3 1");
});

test("coalesce - works at the start and at the end of the table", () => {
  const region = layOut([1, 2, 1]);
  give(region, 0);
  give(region, 3);
  assertPicture(region, "-1 2 -1");
  give(region, 1);
  assertPicture(region, "-4");
});

test("resize - with the same length changes only the requested bytes", () => {
  const region = layOut([2, 3, -4]);
  assert(region.runs.resize(2, 3, 2 * BLOCK_SIZE + 1, 1));
  assertPicture(region, "2 3 -4");
  assertEquals(region.table.requested(2), 2 * BLOCK_SIZE + 1);
});

test("resize - grows into part of the free run on the right", () => {
  const region = layOut([2, 3, -4, 1]);
  assert(resize(region, 2, 5));
  assertPicture(region, "2 5 -2 1");
});

test("resize - grows into all of the free run on the right", () => {
  const region = layOut([2, 3, -4, 1]);
  assert(resize(region, 2, 7));
  assertPicture(region, "2 7 1");
});

test("resize - turns a single block into a run, and a run into a single block", () => {
  const region = layOut([1, -4]);
  assert(resize(region, 0, 3));
  assertPicture(region, "3 -2");
  assert(resize(region, 0, 1));
  assertPicture(region, "1 -4");
});

test("resize - fails if the run would grow past the free run, into an allocated one or past the end", () => {
  for (const [lengths, block] of [[[2, 3, -4, 1], 2], [[2, 3, 1], 2], [[-2, 3], 2]] as const) {
    const region = layOut(lengths);
    assertFalse(resize(region, block, 8));
    assertPicture(region, lengths.join(" "));
  }
});

test("resize - frees the tail when it shrinks a run, and coalesces it with the free run behind", () => {
  const region = layOut([2, 5, 1]);
  assert(resize(region, 2, 2));
  assertPicture(region, "2 2 -3 1");
  assert(resize(region, 2, 1));
  assertPicture(region, "2 1 -4 1");
});

test("high water - rises when a run grows", () => {
  const region = layOut([2, -8]);
  assert(resize(region, 0, 9));
  assertEquals([region.header[HIGH_WATER], region.header[FREE_BLOCKS]], [10, 1]);
});

test("roomAround - adds the free runs on both sides", () => {
  const region = layOut([1, -2, 3, -4, 1]);
  assertEquals([5, 9, 10].map((length) => region.runs.roomAround(3, length)), [1, 1, NONE]);
});

test("roomAround - returns NONE without a free run on the left", () => {
  assertEquals(layOut([1, 3, -4]).runs.roomAround(1, 3), NONE);
  assertEquals(layOut([3, -4]).runs.roomAround(0, 3), NONE);
});

test("roomAround - an allocated run on the right adds nothing", () => {
  const region = layOut([-2, 3, 4]);
  assertEquals([5, 6].map((length) => region.runs.roomAround(2, length)), [0, NONE]);
});

test("allocateAt - allocates the start of the given run", () => {
  const region = layOut([-2, 1, -5, 1]);
  region.runs.allocateAt(3, 2, 2 * BLOCK_SIZE, 1);
  assertPicture(region, "-2 1 2 -3 1");
});
