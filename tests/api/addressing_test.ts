import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { STATE_BITS } from "../../src/region/layout.ts";
import { isAllocated, workerOf } from "../../src/region/block_table.ts";
import { test } from "../support/harness.ts";
import { assertError, assertMarked, assertRefused, insideOf, makePool, mark, present, withPool } from "../support/pool.ts";

test(
  "owns - what free would take, and nothing else",
  withPool((pool) => {
    using other = makePool();
    const block = present(pool.alloc(100));
    assert(pool.owns(block));
    assert(pool.owns(new Uint8Array(block, 10, 5)));
    assertFalse(other.owns(block));
    assertFalse(pool.owns(new ArrayBuffer(100)));
    assertFalse(pool.owns(new Uint8Array(new SharedArrayBuffer(8))));
    assertFalse(pool.owns(pool.buffer));
    assertFalse(pool.owns(new Uint8Array(pool.buffer)));
    pool.free(block);
    assertFalse(pool.owns(block));
  }),
);

test(
  "owns - follows a block through transfer and realloc",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    const moved = block.transfer();
    assertEquals([pool.owns(block), pool.owns(moved)], [false, true]);
    pool.alloc(1);
    const longer = present(pool.realloc(moved, 1000));
    assertEquals([pool.owns(moved), pool.owns(longer)], [false, true]);
    assertFalse(pool.owns(longer.transfer(10)));
  }),
);

test(
  "offsetOf and at - lead to each other",
  withPool((pool) => {
    for (const bytes of [1, 64, 65, 500]) {
      const block = present(pool.alloc(bytes));
      mark(block, bytes);
      const offset = pool.offsetOf(block);
      assertEquals(pool.offsetOf(new Uint8Array(block, 1)), offset);
      const same = pool.at(offset);
      assertEquals(same.byteLength, bytes);
      assertMarked(same, bytes);
      assertStrictEquals(same, block);
    }
  }),
);

test(
  "at - the length is what was asked for last",
  withPool((pool) => {
    const offset = pool.allocOffset(10);
    assertEquals(pool.at(offset).byteLength, 10);
    pool.reallocOffset(offset, 33);
    assertEquals(pool.at(offset).byteLength, 33);
    pool.freeOffset(offset);
    assertEquals(pool.offsetOf(present(pool.calloc(3, 4))), offset);
    assertEquals(pool.at(offset).byteLength, 12);
  }),
);

test(
  "at - after the engine moved the old buffer out of the pool, a new one over the block",
  withPool((pool) => {
    const block = present(pool.alloc(10));
    mark(block, 1);
    block.transfer(0);
    assertMarked(pool.at(0), 1, 10);
  }),
);

test(
  "offsetOf and at - refuse what is free",
  withPool((pool) => {
    const block = present(pool.alloc(10));
    pool.free(block);
    assertRefused(() => pool.offsetOf(block), "double-free", "Cannot locate block at offset 0: it is already free");
    assertRefused(() => pool.at(0), "double-free", "Cannot look at block at offset 0: it is already free");
  }),
);

test(
  "offsetOf and at - refuse what is foreign",
  withPool((pool) => {
    pool.alloc(100);
    assertRefused(
      () => pool.offsetOf(new ArrayBuffer(10)),
      "foreign-block",
      "Cannot locate an object (ArrayBuffer): it is not a block of this pool",
    );
    assertRefused(
      () => pool.offsetOf(pool.buffer),
      "foreign-block",
      "Cannot locate an object (ArrayBuffer): it is not a block of this pool",
    );
    assertRefused(() => pool.at(32), "foreign-block", "Cannot look at offset 32: no block of this pool starts there");
    assertRefused(
      () => pool.at(pool.size),
      "foreign-block",
      "Cannot look at offset 4096: no block of this pool starts there",
    );
    assertRefused(() => pool.at(64), "double-free", "Cannot look at block at offset 64: it is already free");
  }),
);

test(
  "at - what is no whole number from 0 up is a RangeError",
  withPool((pool) => {
    pool.alloc(100);
    for (const offset of [-1, 0.5, NaN, Infinity]) {
      const message = `Cannot look at: offset must be a whole number from 0 up, got ${offset}`;
      assertError(() => pool.at(offset), RangeError, message);
    }
  }),
);

test(
  "offsetOf and at - make the block this worker's",
  withPool((pool) => {
    const { region: { table } } = insideOf(pool);
    const block = present(pool.alloc(100));
    const mine = table.tag(0);
    const another = mine + (5 << STATE_BITS);
    for (const adopt of [() => pool.at(0), () => pool.offsetOf(block)]) {
      table.set(0, 0, another);
      adopt();
      assertEquals([table.tag(0), isAllocated(mine), workerOf(mine)], [mine, true, workerOf(another) - 5]);
    }
  }),
);
