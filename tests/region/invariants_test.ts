/** Breaks each invariant of docs/design.md on purpose, in a region over plain memory; `check` must name it. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import { MemPoolError } from "mempool";
import { checkInvariants } from "../../src/diagnostics/invariants.ts";
import { classOf } from "../../src/region/free_lists.ts";
import {
  ALLOCATED,
  ALLOCATED_RUN,
  BLOCK_CAPACITY,
  BLOCK_COUNT,
  BLOCK_SIZE as BLOCK_SIZE_DOUBLE,
  CACHED,
  END_OF_FREE,
  FIRST_LEVEL_MAP,
  FORMAT,
  FREE,
  FREE_BLOCKS,
  HEADER_FORMAT,
  HEADER_MAGIC,
  HIGH_WATER,
  HIGH_WATER_INVERTED,
  INTERIOR,
  LENGTH,
  LIST_HEADS,
  MAGIC,
  NEXT,
  NONE,
  PEAK_ALLOCATED,
  PLAIN_CLAIMS,
  PREVIOUS,
  RELEASING,
  SECOND_LEVEL_MAPS,
  SLOTS,
  TAG,
  WARN_ON_MISUSE,
} from "../../src/region/layout.ts";
import { makeTag } from "../../src/region/block_table.ts";
import { Region } from "../../src/region/region.ts";
import { test } from "../support/harness.ts";
import { BLOCK_SIZE, give, picture, plainRegion, take } from "../support/plain.ts";
import { assertRefused } from "../support/pool.ts";
import { forAll } from "../support/random.ts";

/**
 * Runs of every kind: 4 blocks allocated at 0, 3 free at 4, 1 allocated at 7, 3 free at 8, 1 allocated at 11, 20 free.
 */
function variety(): Region {
  const region = plainRegion(32);
  for (const length of [4, 3, 1, 3, 1]) take(region, length);
  give(region, 4);
  give(region, 8);
  assertEquals(picture(region), "4 -3 1 -3 1 -20");
  checkInvariants(region);
  return region;
}

/**
 * Registers a test that corrupts a region by `damage` and expects `check` to report this invariant with this detail.
 */
function testBroken(invariant: string, situation: string, damage: (region: Region) => void, detail: string): void {
  test(`check - ${invariant}: ${situation}`, () => {
    const region = variety();
    damage(region);
    assertRefused(() => checkInvariants(region), "corrupt", `The pool is corrupt (invariant ${invariant}): ${detail}`);
  });
}

/** The same for one word of a descriptor: `word` is [block, field, value]. */
function testBrokenBlock(invariant: string, situation: string, word: readonly number[], detail: string): void {
  const [block, field, value] = word as [number, number, number];
  testBroken(invariant, situation, ({ table }) => table.set(block, field, value), detail);
}

/** The same for one word of the header. */
function testBrokenHeader(invariant: string, situation: string, word: number, value: number, detail: string): void {
  testBroken(invariant, situation, ({ header }) => header[word] = value, detail);
}

/** Makes the empty list of single blocks begin with this block. */
function fakeList({ header }: Region, block: number): void {
  header[LIST_HEADS + 1] = block;
  header[SECOND_LEVEL_MAPS]! |= 1 << 1;
}

testBrokenHeader("I1", "another magic number", HEADER_MAGIC, 5, "the magic number is 5");
testBrokenHeader("I1", "another format", HEADER_FORMAT, FORMAT + 1, `the format is ${FORMAT + 1}`);
testBrokenHeader("I1", "another block count", BLOCK_COUNT, 33, "the block count is 33");
testBroken("I1", "another block size", ({ counters }) => counters[BLOCK_SIZE_DOUBLE] = 80, "the block size is 80");
testBrokenHeader("I1", "another capacity", BLOCK_CAPACITY, 64, "the block capacity is 64");
testBrokenHeader(
  "I1",
  "a block count that differs from its complement",
  BLOCK_COUNT,
  30,
  "the block count 30 does not match its complement",
);
testBrokenHeader("I1", "another option", WARN_ON_MISUSE, 1, "the checksum of the header is wrong");
testBrokenHeader("I1", "an impossible mark for plain claims", PLAIN_CLAIMS, 7, "the mark for plain claims is 7");

testBrokenBlock(
  "I2",
  "a tag with one more bit set",
  [7, TAG, makeTag(ALLOCATED, 1) | 1 << 20],
  `the tag ${makeTag(ALLOCATED, 1) | 1 << 20} of block 7 has the wrong parity`,
);
testBrokenBlock("I2", "a run without length", [7, LENGTH, 0], "the run at block 7 has a length of 0");
testBrokenBlock("I2", "a run of negative length", [7, LENGTH, -1], "the run at block 7 has a length of -1");
testBrokenBlock("I2", "a run past the end", [12, LENGTH, 21], "the run at block 12 has a length of 21");

testBrokenBlock(
  "I2",
  "a single block with the state of a run",
  [7, TAG, ALLOCATED_RUN],
  `the run of length 1 at block 7 has state ${ALLOCATED_RUN}`,
);
testBrokenBlock(
  "I2",
  "a run with the state of a single block",
  [0, TAG, ALLOCATED],
  `the run of length 4 at block 0 has state ${ALLOCATED}`,
);
testBrokenBlock(
  "I2",
  "a run with the state of a cached single block",
  [0, TAG, CACHED],
  `the run of length 4 at block 0 has state ${CACHED}`,
);
testBrokenBlock(
  "I2",
  "a claim that freeMany left behind",
  [7, TAG, RELEASING],
  `the run of length 1 at block 7 has state ${RELEASING}`,
);
testBrokenBlock(
  "I2",
  "a first block that is marked as interior",
  [7, TAG, INTERIOR],
  "the run of length 1 at block 7 has state 0",
);
testBrokenBlock(
  "I2",
  "an allocated block inside a run",
  [2, TAG, makeTag(ALLOCATED, 3)],
  `block 2 inside the run at block 0 has state ${ALLOCATED}`,
);
testBrokenBlock(
  "I2",
  "a cached block inside a free run",
  [5, TAG, CACHED],
  `block 5 inside the run at block 4 has state ${CACHED}`,
);

testBroken("I3", "two free runs side by side", (region) => {
  region.table.set(7, TAG, FREE);
  region.lists.insert(7, 1);
  region.header[FREE_BLOCKS]!++;
}, "the free run at block 7 follows another free run");

testBroken(
  "I4",
  "a free run on no list",
  ({ lists }) => lists.remove(12, 20),
  "the free run at block 12 is not on the list of its class",
);
testBroken("I4", "a free run on the list of another class", ({ lists, table }) => {
  lists.remove(12, 20);
  table.set(12, PREVIOUS, NONE);
  lists.insert(12, 5);
}, "the free run at block 12 is not on the list of its class");
testBrokenBlock(
  "I4",
  "a forward link to a block that is not free",
  [8, NEXT, 31],
  "the free run at block 4 is not on the list of its class",
);
testBrokenBlock(
  "I4",
  "a forward link past the table",
  [8, NEXT, 2 ** 30],
  "the free run at block 4 is not on the list of its class",
);
testBrokenBlock(
  "I4",
  "a back link to a block that is not free",
  [4, PREVIOUS, 2],
  "the free run at block 4 is not on the list of its class",
);
testBrokenBlock("I4", "a negative link", [4, PREVIOUS, -7], "the free run at block 4 is not on the list of its class");
testBroken(
  "I4",
  "a list that holds an allocated block",
  (region) => fakeList(region, 7),
  "list 1 holds block 7, which is not a free run of its class",
);
testBroken(
  "I4",
  "a list whose head lies past the table",
  (region) => fakeList(region, 99),
  "list 1 holds block 99, which is not a free run of its class",
);
testBroken(
  "I4",
  "a list that holds a run of another class",
  (region) => fakeList(region, 4),
  "list 1 holds block 4, which is not a free run of its class",
);

testBrokenBlock(
  "I5",
  "the last block of a free run points to another block",
  [6, LENGTH, 5],
  "the last block 6 of the free run at block 4 does not point back",
);
testBrokenBlock(
  "I5",
  "the last block of a free run is not marked",
  [6, TAG, INTERIOR],
  "the last block 6 of the free run at block 4 does not point back",
);
testBrokenBlock(
  "I5",
  "the last block of an allocated run claims to end a free one",
  [3, TAG, END_OF_FREE],
  "the last block of the allocated run at block 0 is not marked as its end",
);

testBroken(
  "I7",
  "more requested bytes than the run holds",
  ({ table }) => table.setRequested(7, BLOCK_SIZE + 1),
  "the run of length 1 at block 7 claims to hold 65 bytes",
);
testBroken(
  "I7",
  "so few requested bytes that fewer blocks would do",
  ({ table }) => table.setRequested(0, 3 * BLOCK_SIZE),
  "the run of length 4 at block 0 claims to hold 192 bytes",
);
testBroken(
  "I7",
  "no requested bytes",
  ({ table }) => table.setRequested(7, 0),
  "the run of length 1 at block 7 claims to hold 0 bytes",
);
testBroken(
  "I7",
  "a negative number of requested bytes",
  ({ table }) => table.setRequested(7, -5),
  "the run of length 1 at block 7 claims to hold -5 bytes",
);

test("check - I8: a block size that is not aligned", () => {
  const { table, counters } = variety();
  counters[BLOCK_SIZE_DOUBLE] = 72;
  const region = new Region(table.words.buffer as ArrayBuffer);
  assertRefused(
    () => checkInvariants(region),
    "corrupt",
    "The pool is corrupt (invariant I8): the block size 72 is not a multiple of 16",
  );
});

testBrokenHeader(
  "I6",
  "a count of free blocks that is too high",
  FREE_BLOCKS,
  27,
  "27 blocks are counted as free, but 26 are free",
);
testBrokenHeader(
  "I6",
  "a count of free blocks that is too low",
  FREE_BLOCKS,
  25,
  "25 blocks are counted as free, but 26 are free",
);
testBrokenHeader(
  "I9",
  "high water below an allocated block",
  HIGH_WATER,
  11,
  "high water is 11, but the last run in use ends at block 12 of 32",
);
testBrokenHeader(
  "I9",
  "high water past the table",
  HIGH_WATER,
  33,
  "high water is 33, but the last run in use ends at block 12 of 32",
);
testBroken("I9", "high water that differs from its complement", ({ header }) => {
  header[HIGH_WATER_INVERTED] = ~13;
}, "high water 12 does not match its complement");
testBrokenHeader("I9", "a peak past the table", PEAK_ALLOCATED, 33, "the peak is 33 of 32 blocks");

testBrokenHeader("I10", "the bit of a level is cleared", FIRST_LEVEL_MAP, 0, "the bit of level 0 is wrong");
testBrokenHeader("I10", "the bit of an empty level is set", FIRST_LEVEL_MAP, 3, "the bit of level 1 is wrong");
testBroken("I10", "the bit of a list is cleared", ({ header }) => {
  header[SECOND_LEVEL_MAPS]! &= ~(1 << classOf(3));
}, "the bit of list 3 is wrong");
testBroken("I10", "the bit of an empty list is set", ({ header }) => {
  header[SECOND_LEVEL_MAPS]! |= 1 << 9;
}, "the bit of list 9 is wrong");

/** Overwrites one word of the region. Half of the stores go to the descriptors, although they are few. */
function damageWord({ header, table }: Region, place: number, value: number): void {
  if (place % 2 === 0) table.words[place % table.words.length] = value;
  else header[HEADER_MAGIC + place % (SLOTS - HEADER_MAGIC)] = value;
}

test("check - returns or throws corrupt, whatever values up to three words have", () => {
  const value = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 40 }), fc.constantFrom(MAGIC, FREE, END_OF_FREE));
  const damage = fc.array(fc.record({ place: fc.nat(1_000_000), value }), { minLength: 1, maxLength: 3 });
  let found = 0;
  forAll(3000, damage, (all) => {
    const region = variety();
    for (const one of all) damageWord(region, one.place, one.value);
    try {
      checkInvariants(region);
    } catch (error) {
      assertInstanceOf(error, MemPoolError);
      assertEquals(error.code, "corrupt");
      found++;
    }
  });
  assert(found > 1000, `check found only ${found} of 3000 corrupted regions`);
});
