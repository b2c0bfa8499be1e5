import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { isAllocated, workerOf } from "../../src/region/block_table.ts";
import { STATE_BITS } from "../../src/region/layout.ts";
import { test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  assertRefused,
  insideOf,
  makePool,
  mark,
  present,
  withPool,
} from "../support/pool.ts";

test(
  "allocOffset - returns distinct multiples of the block size below size, and then -1",
  withPool((pool) => {
    const offsets = Array.from({ length: pool.blockCount }, () => pool.allocOffset(1));
    assertEquals([...offsets].sort((a, b) => a - b), offsets.map((_, place) => place * 64));
    assertEquals(pool.allocOffset(1), -1);
    for (const offset of offsets) pool.freeOffset(offset);
    assertOneFreeRun(pool);
  }),
);

test(
  "allocOffset - returns an index into pool.buffer; at() covers the same bytes",
  withPool((pool) => {
    pool.allocOffset(1);
    const offset = pool.allocOffset(200);
    const records = new DataView(pool.buffer);
    records.setUint32(offset, 0xdeadbeef);
    records.setUint8(offset + 199, 7);
    const bytes = new DataView(pool.at(offset));
    assertEquals([bytes.byteLength, bytes.getUint32(0), bytes.getUint8(199)], [200, 0xdeadbeef, 7]);
  }),
);

test(
  "callocOffset - returns zeroed memory, whether it was used before or not",
  withPool((pool) => {
    const dirty = pool.allocOffset(100);
    mark(pool.at(dirty), 1);
    pool.freeOffset(dirty);
    const offset = pool.callocOffset(10, 30);
    assertEquals(offset, dirty);
    assertEquals(new Uint8Array(pool.buffer, offset, 300), new Uint8Array(300));
    assertEquals(pool.callocOffset(1, pool.size), -1);
  }),
);

test(
  "freeOffset - frees a block that alloc returned, and free a block that allocOffset returned",
  withPool((pool) => {
    const buffer = present(pool.alloc(100));
    pool.freeOffset(pool.offsetOf(buffer));
    const offset = pool.allocOffset(100);
    pool.free(pool.at(offset));
    assertOneFreeRun(pool);
  }),
);

test(
  "freeOffset - reports a foreign block between blocks and past the end",
  withPool((pool) => {
    pool.allocOffset(300);
    for (const offset of [1, 16, 63, 65, 4095, 4096, 4097, 2 ** 31, 2 ** 32, 2 ** 32 + 64, 2 ** 53, 1e300]) {
      const message = `Cannot free offset ${offset}: no block of this pool starts there`;
      assertRefused(() => pool.freeOffset(offset), "foreign-block", message);
    }
  }),
);

test(
  "offsets - treat minus zero as zero",
  withPool((pool) => {
    const offset = pool.allocOffset(10);
    assertEquals([pool.at(-0).byteLength, pool.reallocOffset(-0, 20)], [10, offset]);
    pool.freeOffset(-0);
    assertOneFreeRun(pool);
  }),
);

test(
  "offset tier - returns blocks that do not overlap and keep their bytes when they move",
  withPool((pool) => {
    const lengths = [1, 64, 65, 200, 7];
    const offsets = lengths.map((bytes) => pool.allocOffset(bytes));
    offsets.forEach((offset, cookie) => mark(pool.at(offset), cookie));
    const moved = offsets.map((offset, cookie) => pool.reallocOffset(offset, lengths[cookie]! + 100));
    moved.forEach((offset, cookie) => assertMarked(pool.at(offset), cookie, lengths[cookie]));
    for (const offset of moved) pool.freeOffset(offset);
    assertOneFreeRun(pool);
  }),
);

test(
  "owns - is true for exactly what free would accept",
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
  "offsetOf and at - are inverse functions",
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
  "at - returns a buffer of the length that was requested last",
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
  "at - returns a new buffer over the block after the engine moved the old one out of the pool",
  withPool((pool) => {
    const block = present(pool.alloc(10));
    mark(block, 1);
    block.transfer(0);
    assertMarked(pool.at(0), 1, 10);
  }),
);

test(
  "offsetOf and at - make this worker the owner of the block",
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
