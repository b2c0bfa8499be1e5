/** The block table: tags, requested bytes, and how the neighbours of a free run find it. */

import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  ALLOCATED,
  ALLOCATED_RUN,
  ALLOCATED_SHORT,
  CACHED,
  CACHED_RUN,
  END_OF_FREE,
  FREE,
  INTERIOR,
  LONGEST_SHORT_RUN,
  MAX_BLOCKS,
  MAX_BYTES,
  MAX_CACHED_BLOCKS,
  MAX_CHECKED_BLOCKS,
  MAX_WORKERS,
  metaBytes,
  NONE,
  RELEASING,
  TAG,
  TAKING,
} from "../../src/region/layout.ts";
import { allocatedState, isAllocated, makeTag, stateOf, workerOf } from "../../src/region/block_table.ts";
import { test } from "../support/harness.ts";
import { plainTable } from "../support/plain.ts";

const ALLOCATED_STATES = [ALLOCATED, ALLOCATED_SHORT, ALLOCATED_RUN];
const OTHER_STATES = [INTERIOR, FREE, END_OF_FREE, RELEASING, CACHED, CACHED_RUN, TAKING];

test("tag - holds a state and a worker, up to the highest worker number", () => {
  for (const state of [...OTHER_STATES, ...ALLOCATED_STATES]) {
    for (const worker of [0, 1, 2, 12345, MAX_WORKERS]) {
      const tag = makeTag(state, worker);
      assertEquals([stateOf(tag), workerOf(tag)], [state, worker]);
      assertEquals(tag, tag | 0, "a tag is a 32-bit word");
    }
  }
});

test("isAllocated - is true for allocated states and for no other", () => {
  for (const worker of [0, 7, MAX_WORKERS]) {
    for (const state of ALLOCATED_STATES) assert(isAllocated(makeTag(state, worker)));
    for (const state of OTHER_STATES) {
      assertFalse(isAllocated(makeTag(state, worker)));
    }
  }
});

test("allocatedState - differs for a single block, a short run and a longer run", () => {
  const lengths = [1, 2, LONGEST_SHORT_RUN, LONGEST_SHORT_RUN + 1, MAX_BLOCKS];
  assertEquals(lengths.map(allocatedState), [
    ALLOCATED,
    ALLOCATED_SHORT,
    ALLOCATED_SHORT,
    ALLOCATED_RUN,
    ALLOCATED_RUN,
  ]);
});

test("requested - holds numbers of bytes beyond 32 bits", () => {
  const table = plainTable(16);
  const lengths = [
    1,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    5 * 2 ** 32 + 2 ** 31,
    MAX_BYTES - 1,
    MAX_BYTES,
  ];
  for (const bytes of lengths) {
    table.setRequested(3, bytes);
    assertEquals(table.requested(3), bytes);
  }
});

test("set - stores one word of one descriptor", () => {
  const table = plainTable(4);
  for (let block = 0; block < 4; block++) {
    for (let field = 0; field < 4; field++) table.set(block, field, block * 10 + field);
  }
  assertEquals([...table.words], [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33]);
});

test("exchangeTag - of two exchanges that expect the same tag, only the first succeeds", () => {
  const table = plainTable(16);
  table.set(2, TAG, makeTag(ALLOCATED, 5));
  assert(table.exchangeTag(2, makeTag(ALLOCATED, 5), FREE));
  assertFalse(table.exchangeTag(2, makeTag(ALLOCATED, 5), FREE));
  assertEquals(table.loadTag(2), FREE);
});

test("describeFree - both neighbours find a free run of one, two and more blocks", () => {
  for (const length of [1, 2, 3, 9]) {
    const table = plainTable(16);
    table.describeFree(4, length);
    assertEquals(table.freeRunAt(4), 4);
    assertEquals(table.freeRunBefore(4 + length), 4);
    assertEquals(table.length(4), length);
    assert(table.isFree(4));
  }
});

test("markAllocated - neither neighbour finds the run any more", () => {
  for (const length of [1, 2, 3, 9]) {
    const table = plainTable(16);
    table.describeFree(4, length);
    table.markAllocated(4, length, 100, 3);
    assertEquals(table.freeRunAt(4), NONE);
    assertEquals(table.freeRunBefore(4 + length), NONE);
    assert(isAllocated(table.tag(4)));
    assertEquals([workerOf(table.tag(4)), table.length(4), table.requested(4)], [3, length, 100]);
  }
});

test("freeRunBefore and freeRunAt - return NONE at the ends of the table", () => {
  const table = plainTable(16);
  table.describeFree(0, 16);
  assertEquals(table.freeRunBefore(0), NONE);
  assertEquals(table.freeRunAt(16), NONE);
});

test("metaBytes - is 16 bytes a block, 36 in a checked pool, and at most 4 GiB for the largest pools", () => {
  assertEquals(metaBytes(1001, 64, false) - metaBytes(1000, 64, false), 16);
  assertEquals(metaBytes(1001, 0, true) - metaBytes(1000, 0, true), 36);
  assert(metaBytes(MAX_BLOCKS, MAX_CACHED_BLOCKS, false) <= 2 ** 32);
  assert(metaBytes(MAX_CHECKED_BLOCKS, 0, true) <= 2 ** 32);
});
