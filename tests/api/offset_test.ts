import { assertEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import {
  assertError,
  assertMarked,
  assertOneFreeRun,
  assertRefused,
  mark,
  present,
  withPool,
} from "../support/pool.ts";

test(
  "allocOffset - a multiple of the block size, below size, never the same twice",
  withPool((pool) => {
    const offsets = Array.from({ length: pool.blockCount }, () => pool.allocOffset(1));
    assertEquals([...offsets].sort((a, b) => a - b), offsets.map((_, place) => place * 64));
    assertEquals(pool.allocOffset(1), -1);
    for (const offset of offsets) pool.freeOffset(offset);
    assertOneFreeRun(pool);
  }),
);

test(
  "allocOffset - offset o is index o of buffer, and at(o) sees the same bytes",
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
  "callocOffset - zeroed, used before or not",
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
  "freeOffset - of a block that was handed out as a buffer, and the other way round",
  withPool((pool) => {
    const buffer = present(pool.alloc(100));
    pool.freeOffset(pool.offsetOf(buffer));
    const offset = pool.allocOffset(100);
    pool.free(pool.at(offset));
    assertOneFreeRun(pool);
  }),
);

test(
  "freeOffset - twice, and where nothing was ever handed out, is a double free",
  withPool((pool) => {
    const offset = pool.allocOffset(100);
    pool.freeOffset(offset);
    for (const free of [offset, 64, 63 * 64]) {
      const message = `Cannot free block at offset ${free}: it is already free`;
      assertRefused(() => pool.freeOffset(free), "double-free", message);
    }
  }),
);

test(
  "freeOffset - inside of a run is a double free: no block was handed out there",
  withPool((pool) => {
    pool.allocOffset(300);
    for (const inside of [64, 128, 256]) {
      const message = `Cannot free block at offset ${inside}: it is already free`;
      assertRefused(() => pool.freeOffset(inside), "double-free", message);
    }
    assertEquals(pool.stats().allocatedBlocks, 5);
  }),
);

test(
  "freeOffset - between blocks and past the end is foreign",
  withPool((pool) => {
    pool.allocOffset(300);
    for (const offset of [1, 16, 63, 65, 4095, 4096, 4097, 2 ** 31, 2 ** 32, 2 ** 32 + 64, 2 ** 53, 1e300]) {
      const message = `Cannot free offset ${offset}: no block of this pool starts there`;
      assertRefused(() => pool.freeOffset(offset), "foreign-block", message);
    }
  }),
);

test(
  "freeOffset - what is no whole number from 0 up is a RangeError",
  withPool((pool) => {
    pool.allocOffset(1);
    for (const offset of [-1, -64, 0.5, 64.5, NaN, Infinity, -Infinity]) {
      const message = `Cannot free: offset must be a whole number from 0 up, got ${offset}`;
      assertError(() => pool.freeOffset(offset), RangeError, message);
    }
    assertEquals(pool.stats().allocatedBlocks, 1);
  }),
);

test(
  "offsets - minus zero is zero",
  withPool((pool) => {
    const offset = pool.allocOffset(10);
    assertEquals([pool.at(-0).byteLength, pool.reallocOffset(-0, 20)], [10, offset]);
    pool.freeOffset(-0);
    assertOneFreeRun(pool);
  }),
);

test(
  "offset tier - blocks do not overlap and keep their bytes through moves",
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
