/** What a worker keeps of ArrayBuffers: how many bytes, and when it lets go of them. Callers notice none of it. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MEGABYTE, type MemPool, MemPoolError } from "mempool";
import { EXPOSE_GC, runChild } from "../support/child.ts";
import { test } from "../support/harness.ts";
import { assertMarked, assertOneFreeRun, assertRefused, mark, present, withPool } from "../support/pool.ts";
import type { PressureReport } from "./_pressure_program.ts";

const LIMIT = 32 * MEGABYTE;
/** For what a pool has besides: metadata, and code that the engine compiles meanwhile. */
const SLACK = 4 * MEGABYTE;
const BLOCK = 65_536;
/** More than the limit holds. */
const MANY = { blocks: 1024, blockSize: BLOCK };

function allocAll(pool: MemPool): ArrayBuffer[] {
  return Array.from({ length: pool.blockCount }, () => present(pool.alloc(BLOCK)));
}

test("pressure - of freed blocks at most 32 MiB of buffers are kept, and none after trim, close and destroy", async () => {
  const program = new URL("./_pressure_program.ts", import.meta.url);
  const report = JSON.parse(await runChild(program, [], 60_000, { moreFlags: EXPOSE_GC })) as PressureReport;
  const { freed, freedMany, freedRuns, whole, ...released } = report;
  for (const [when, bytes] of Object.entries({ freed, freedMany, freedRuns })) {
    assert(bytes < LIMIT + SLACK, `${when}: ${bytes} bytes`);
  }
  for (const [when, bytes] of Object.entries(released)) assert(bytes < SLACK, `${when}: ${bytes} bytes`);
  assert(whole > 127 * MEGABYTE, `the buffer over the whole pool: ${whole} bytes`);
});

test(
  "pressure - buffers beyond the limit are valid, and are freed once",
  withPool((pool) => {
    const blocks = allocAll(pool);
    for (const [cookie, block] of blocks.entries()) mark(new Uint8Array(block, 0, 64), cookie);
    for (const [cookie, block] of blocks.entries()) {
      assertMarked(new Uint8Array(block, 0, 64), cookie);
      assertMarked(pool.at(pool.offsetOf(block)), cookie, 64);
    }
    for (const block of blocks) pool.free(block);
    const offset = (pool.blockCount - 1) * BLOCK;
    assertRefused(
      () => pool.free(blocks.at(-1)!),
      "double-free",
      `Cannot free block at offset ${offset}: it is already free`,
    );
    assertOneFreeRun(pool);
  }, { ...MANY, checked: false }),
);

test(
  "pressure - a buffer longer than the limit is valid, and is freed once",
  withPool((pool) => {
    for (const bytes of [LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT - BLOCK]) {
      const [short, long] = [present(pool.alloc(1)), present(pool.alloc(bytes))];
      mark(new Uint8Array(long, bytes - 64), bytes);
      assertEquals([pool.owns(short), pool.owns(long)], [true, true]);
      assertMarked(new Uint8Array(pool.at(pool.offsetOf(long)), bytes - 64), bytes);
      pool.free(long);
      pool.free(short);
      assertOneFreeRun(pool);
    }
  }, { ...MANY, checked: false }),
);

test(
  "pressure - blocks of live buffers are found after trim, by buffer, view and offset",
  withPool((pool) => {
    const blocks = Array.from({ length: 8 }, () => present(pool.alloc(50)));
    for (const [cookie, block] of blocks.entries()) mark(block, cookie);
    pool.trim();
    for (const [cookie, block] of blocks.entries()) {
      assertEquals([pool.owns(block), pool.owns(new Uint8Array(block))], [true, true]);
      assertMarked(pool.at(pool.offsetOf(block)), cookie);
    }
    const longer = present(pool.realloc(blocks.pop()!, 60));
    assertMarked(longer, 7, 50);
    pool.free(longer);
    const view = new Uint8Array(blocks.pop()!);
    pool.free(view);
    for (const block of blocks) pool.free(block);
    for (const block of blocks) assertThrows(() => pool.free(block), MemPoolError, "it is already free");
    assertOneFreeRun(pool);
  }),
);

test(
  "pressure - pool.buffer before and after trim are the same memory, and neither is a block",
  withPool((pool) => {
    const before = pool.buffer;
    mark(before, 1);
    pool.trim();
    const after = pool.buffer;
    assertEquals([before.byteLength, after.byteLength], [pool.size, pool.size]);
    mark(after, 2);
    assertMarked(before, 2);
    for (const whole of [before, after]) {
      assertRefused(
        () => pool.free(whole),
        "foreign-block",
        "Cannot free an object (ArrayBuffer): it is not a block of this pool",
      );
    }
  }),
);

test(
  "pressure - 100,000 buffers of 256 bytes are reused",
  withPool((pool) => {
    const allocate = (): ArrayBuffer[] => Array.from({ length: 100_000 }, () => present(pool.alloc(256)));
    const first = new Set(allocate());
    for (const block of first) pool.free(block);
    const again = allocate();
    assert(again.every((block) => first.has(block)));
    pool.freeMany(again);
  }, { blocks: 100_000, blockSize: 256, checked: false }),
);

test(
  "pressure - while more than the limit is allocated, buffers are reused one at a time and in bursts",
  withPool((pool) => {
    const blocks = allocAll(pool);
    assert(blocks.length * BLOCK > LIMIT);
    const known = new Set(blocks);
    for (const burst of [1, 100]) {
      for (let from = 0; from < blocks.length; from += burst) {
        const freed = blocks.slice(from, from + burst);
        for (const block of freed) pool.free(block);
        for (const at of freed.keys()) blocks[from + at] = present(pool.alloc(BLOCK));
      }
      assert(blocks.every((block) => known.has(block)), `bursts of ${burst}`);
    }
  }, { ...MANY, checked: false }),
);

test(
  "pressure - what was transferred away does not count, and buffers are reused as before",
  withPool((pool) => {
    for (let round = 0; round < 2000; round++) {
      const block = present(pool.alloc(BLOCK));
      pool.free(structuredClone(block, { transfer: [block] }));
    }
    const block = present(pool.alloc(BLOCK));
    pool.free(block);
    assertStrictEquals(pool.alloc(BLOCK), block);
    pool.free(block);
  }, { ...MANY, checked: false }),
);

test(
  "pressure - after the limit was reached, what is used again is kept again",
  withPool((pool) => {
    for (let round = 0; round < 3; round++) pool.freeMany(allocAll(pool));
    for (let round = 0; round < 3; round++) {
      const block = present(pool.alloc(BLOCK));
      pool.free(block);
      assertStrictEquals(pool.alloc(BLOCK), block);
      pool.free(block);
    }
  }, { ...MANY, checked: false }),
);
