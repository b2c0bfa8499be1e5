/**
 * Checked pools with a full log of stacks or with wrong bookkeeping: the errors name the cause, and nothing else
 * breaks.
 */

import { assert, assertEquals } from "@std/assert";
import type { MemPool } from "mempool";
import {
  allocationLogWord,
  BLOCK_COUNT,
  BLOCK_SIZE,
  FREE,
  FREE_BLOCKS,
  HEADER_FORMAT,
  HEADER_MAGIC,
  HIGH_WATER,
  LENGTH,
  LIVE,
  LOG_ALLOCATED_AT,
  LOG_ENTRY_WORDS,
  LOG_FREED_AT,
  REQUESTED_LOW,
  STACK_LOG_USED,
  STACK_LOG_WORDS,
  STATE,
  TAG,
} from "../../src/region/layout.ts";
import { callsOf } from "../support/calls.ts";
import {
  allocateElsewhere,
  allocateHere,
  assertCode,
  assertDoubleFree,
  assertInnermost,
  CHECKED,
  freeHere,
  NOT_RECORDED,
} from "./_checked.ts";
import { test } from "../support/harness.ts";
import { assertOneFreeRun, assertRefused, insideOf, makePool, mark, present, withPool } from "../support/pool.ts";

/** Digits of a path. Engines show a frame for each digit, in addition to the library's own frames. */
const DIGITS = 8;

/** Functions with three names that call each other, so that every string of digits leads to a different stack. */
const STEPS = [0, 1, 2].map((name) => {
  const step = (pool: MemPool, path: string): number => {
    const offset = path === "" ? pool.allocOffset(1) : STEPS[Number(path[0])]!(pool, path.slice(1));
    return Math.max(offset, -1);
  };
  return Object.defineProperty(step, "name", { value: `step${name}` });
});

/** Allocates with different stacks until one is not recorded. Returns the number of those that were. */
function fillLog(pool: MemPool): number {
  const { header } = insideOf(pool).region;
  header[STACK_LOG_USED]! += 0.7 * STACK_LOG_WORDS; // as if earlier stacks had filled this part
  for (let path = 0;; path++) {
    const before = header[STACK_LOG_USED]!;
    pool.freeOffset(STEPS[0]!(pool, path.toString(3).padStart(DIGITS, "0")));
    if (header[STACK_LOG_USED] === before) return path;
  }
}

test("checked state - a full log keeps the old stacks and records no new ones, and nothing breaks", () => {
  withPool((pool) => {
    const { header } = insideOf(pool).region;
    const early = allocateHere(pool);
    const stale = allocateHere(pool);
    freeHere(pool, stale);
    const stacks = fillLog(pool);
    const used = header[STACK_LOG_USED]!;
    assert(stacks > 1000 && used > STACK_LOG_WORDS - 1024, `${stacks} stacks in ${used} words`);
    header[STACK_LOG_USED] = STACK_LOG_WORDS; // shorter stacks, which may still fit, would fill the rest
    const late = allocateElsewhere(pool);
    const leaks = pool.leaks();
    assertInnermost(leaks[0]!.stack.split("\n"), "allocateHere");
    assertInnermost(leaks[1]!.stack.split("\n"), NOT_RECORDED);
    assertDoubleFree(() => freeHere(pool, stale), 64, "allocateHere", "freeHere", "freeHere");
    pool.free(late);
    assertDoubleFree(() => freeHere(pool, late), 64, NOT_RECORDED, NOT_RECORDED, "freeHere");
    const again = present(pool.realloc(early, 1000));
    mark(again, 1);
    pool.freeMany([again]);
    assertOneFreeRun(pool);
  }, CHECKED)();
});

for (const used of [STACK_LOG_WORDS, STACK_LOG_WORDS - 1, STACK_LOG_WORDS + 5, 2 ** 31 - 1, -(2 ** 31)]) {
  test(
    `checked state - stacks are not recorded and nothing breaks if ${used} words of the log are in use`,
    withPool((pool) => {
      const { region: { header } } = insideOf(pool);
      for (let time = 0; time < 3; time++) {
        header[STACK_LOG_USED] = used;
        const block = allocateHere(pool);
        assertInnermost(pool.leaks()[0]!.stack.split("\n"), NOT_RECORDED);
        const longer = present(pool.realloc(block, 500));
        pool.free(longer);
        assertDoubleFree(() => freeHere(pool, longer), 0, NOT_RECORDED, NOT_RECORDED, "freeHere");
      }
      header[STACK_LOG_USED] = 0;
      pool.free(allocateHere(pool));
      assertOneFreeRun(pool);
    }, CHECKED),
  );
}

test(
  "checked state - impossible positions of stacks and an unfinished entry read as not recorded",
  withPool((pool) => {
    const { region: { meta, table } } = insideOf(pool);
    const allocationLog = allocationLogWord(table.blockCount, 0);
    const block = allocateHere(pool);
    freeHere(pool, block);
    for (const place of [0, -2, STACK_LOG_WORDS, STACK_LOG_WORDS + 1, 2 ** 31 - 1]) {
      meta[allocationLog + LOG_ALLOCATED_AT] = meta[allocationLog + LOG_FREED_AT] = place;
      assertDoubleFree(() => pool.freeOffset(0), 0, NOT_RECORDED, NOT_RECORDED, "");
    }
    const next = allocateElsewhere(pool);
    const place = meta[allocationLog + LOG_ALLOCATED_AT]!;
    for (const length of [0, -5, 2 ** 30]) {
      meta[allocationLog + LOG_ENTRY_WORDS * table.blockCount + place - 1] = length;
      assertInnermost(pool.leaks()[0]!.stack.split("\n"), NOT_RECORDED);
    }
    pool.free(next);
  }, CHECKED),
);

/** A word of the header, a wrong value of it, and the message of each call that reads this value. */
const WORDS: readonly (readonly [name: string, word: number, value: number, message: string])[] = [
  ["magic number", HEADER_MAGIC, 5, "The pool is corrupt (invariant I1): the magic number is 5"],
  ["format", HEADER_FORMAT, 77, "The pool is corrupt (invariant I1): the format is 77"],
  ["block count", BLOCK_COUNT, 65, "The pool is corrupt (invariant I1): the block count is 65"],
  ["block size", BLOCK_SIZE * 2 + 1, 0x40600000, "The pool is corrupt (invariant I1): the block size is 128"],
  ["count of free blocks", FREE_BLOCKS, -1, "The pool is corrupt (invariant I6): the count of free blocks is -1"],
  ["count of free blocks", FREE_BLOCKS, 65, "The pool is corrupt (invariant I6): the count of free blocks is 65"],
  ["high water", HIGH_WATER, 65, "The pool is corrupt (invariant I9): high water is 65"],
];

for (const [name, word, value, message] of WORDS) {
  test(
    `checked state - every call reports a wrong ${name} as corrupt, and changes nothing (the word is ${value})`,
    withPool((pool) => {
      const { region: { header } } = insideOf(pool);
      const block = allocateHere(pool);
      const right = header[word]!;
      const before = pool.stats();
      for (const [call] of callsOf(pool, block)) {
        header[word] = value;
        assertRefused(call, "corrupt", message);
        header[word] = right;
      }
      const { lockAcquisitions: _1, ...after } = pool.stats();
      const { lockAcquisitions: _2, ...unchanged } = before;
      assertEquals(after, unchanged);
      pool.free(block);
      assertOneFreeRun(pool);
    }, CHECKED),
  );
}

test("checked state - every call reports an unknown state as corrupt, and the pool lives on", () => {
  for (const checked of [true, false]) {
    using pool = makePool({ checked });
    const { region: { header } } = insideOf(pool);
    const block = allocateHere(pool);
    for (const [call, action] of callsOf(pool, block)) {
      header[STATE] = 77;
      assertRefused(call, "corrupt", `Cannot ${action}: the pool's state is 77`);
    }
    header[STATE] = LIVE;
    pool.free(block);
    assertOneFreeRun(pool);
  }
});

/** Calls that name the block at offset 0. */
const NAMING: Readonly<Record<string, (pool: MemPool, block: ArrayBuffer) => unknown>> = {
  "free": (pool, block) => pool.free(block),
  "freeOffset": (pool) => pool.freeOffset(0),
  "freeMany": (pool, block) => pool.freeMany([block]),
  "realloc": (pool, block) => pool.realloc(block, 500),
  "reallocOffset": (pool) => pool.reallocOffset(0, 500),
  "at": (pool) => pool.at(0),
  "offsetOf": (pool, block) => pool.offsetOf(block),
};

/** Wrong values in the descriptors of a run of two blocks at offset 0 with 100 bytes. */
const DESCRIPTORS: readonly (readonly [name: string, block: number, field: number, value: number])[] = [
  ["length of 0", 0, LENGTH, 0],
  ["length of 1", 0, LENGTH, 1],
  ["length past the end", 0, LENGTH, 65],
  ["number of bytes", 0, REQUESTED_LOW, 500],
  ["last block", 1, TAG, FREE],
];

for (const [name, at, field, value] of DESCRIPTORS) {
  test(
    `checked state - every call that names a run with a wrong ${name} reports it as corrupt, and changes nothing`,
    withPool((pool) => {
      const { region: { table } } = insideOf(pool);
      const block = allocateHere(pool, 100);
      const right = table.get(at, field);
      for (const call of Object.values(NAMING)) {
        table.set(at, field, value);
        assertCode(() => call(pool, block), "corrupt");
        table.set(at, field, right);
        pool.check();
        assert(!block.detached && pool.owns(block));
      }
      pool.free(block);
      assertOneFreeRun(pool);
    }, CHECKED),
  );
}
