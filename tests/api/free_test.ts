import { assert, assertEquals, assertFalse } from "@std/assert";
import { test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  assertRefused,
  lastingStats,
  makePool,
  mark,
  present,
  withPool,
} from "../support/pool.ts";

const FOREIGN = "Cannot free an object (ArrayBuffer): it is not a block of this pool";

test(
  "free - in the order of allocation, in reverse, and from the middle outwards",
  withPool((pool) => {
    const orders = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 1, 3, 0, 4], [0, 4, 1, 3, 2]];
    for (const order of orders) {
      const blocks = [1, 200, 64, 65, 700].map((bytes) => present(pool.alloc(bytes)));
      for (const place of order) {
        pool.free(blocks[place]!);
        pool.check();
      }
      assertOneFreeRun(pool);
    }
  }),
);

test(
  "free - by any view on the block, wherever the view starts",
  withPool((pool) => {
    const views = [
      (block: ArrayBuffer) => new Uint8Array(block),
      (block: ArrayBuffer) => new Float64Array(block, 8, 2),
      (block: ArrayBuffer) => new DataView(block, 50),
      (block: ArrayBuffer) => new Uint8Array(block, 100, 0),
      (block: ArrayBuffer) => new Uint8Array(block).subarray(3, 5),
    ];
    for (const view of views) pool.free(view(present(pool.alloc(100))));
    assertOneFreeRun(pool);
  }),
);

test(
  "free - twice is a double free, which changes nothing",
  withPool((pool) => {
    for (const bytes of [1, 64, 65, 1000]) {
      const keep = present(pool.alloc(64));
      const block = present(pool.alloc(bytes));
      const offset = pool.offsetOf(block);
      const view = new Uint8Array(block);
      pool.free(block);
      const before = lastingStats(pool);
      const message = `Cannot free block at offset ${offset}: it is already free`;
      assertRefused(() => pool.free(block), "double-free", message);
      assertRefused(() => pool.free(view), "double-free", message);
      assertRefused(() => pool.freeOffset(offset), "double-free", message);
      assertEquals(lastingStats(pool), before);
      pool.free(keep);
    }
  }),
);

test(
  "free - a double free is noticed after the neighbours were joined, too",
  withPool((pool) => {
    const blocks = [1, 2, 3].map(() => present(pool.alloc(64)));
    for (const block of blocks) pool.free(block);
    blocks.forEach((block, place) => {
      const message = `Cannot free block at offset ${place * 64}: it is already free`;
      assertRefused(() => pool.free(block), "double-free", message);
    });
  }),
);

test(
  "free - a buffer of the system's heap is foreign",
  withPool((pool) => {
    for (const foreign of [new ArrayBuffer(64), new ArrayBuffer(0), new ArrayBuffer(64, { maxByteLength: 128 })]) {
      assertRefused(() => pool.free(foreign), "foreign-block", FOREIGN);
    }
    const view = "Cannot free an object (Uint8Array): it is not a block of this pool";
    assertRefused(() => pool.free(new Uint8Array(64)), "foreign-block", view);
    assertRefused(() => pool.free(new Uint8Array(new SharedArrayBuffer(64))), "foreign-block", view);
  }),
);

test("free - a block of another pool is foreign, and remains that pool's", () => {
  using mine = makePool();
  using other = makePool();
  mine.alloc(64);
  const block = present(other.alloc(64));
  assertRefused(() => mine.free(block), "foreign-block", FOREIGN);
  assert(other.owns(block));
  other.free(block);
  assertOneFreeRun(other);
});

test("free - an unallocated block of the other pool too", () => {
  using mine = makePool();
  using other = makePool();
  const block = present(other.alloc(64));
  other.free(block);
  assertRefused(() => mine.free(block), "foreign-block", FOREIGN);
});

test(
  "free - pool.buffer is never a block, nor is a view on it, whatever is allocated",
  withPool((pool) => {
    assertRefused(() => pool.free(pool.buffer), "foreign-block", FOREIGN);
    const all = present(pool.alloc(pool.size));
    const view = "Cannot free an object (Uint8Array): it is not a block of this pool";
    assertRefused(() => pool.free(pool.buffer), "foreign-block", FOREIGN);
    assertRefused(() => pool.free(new Uint8Array(pool.buffer, 0, 64)), "foreign-block", view);
    pool.free(all);
  }),
);

test(
  "free - a buffer that was transferred away is foreign, the one it became is the block",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    mark(block, 5);
    const moved = block.transfer();
    assertRefused(() => pool.free(block), "foreign-block", FOREIGN);
    assertMarked(moved, 5);
    assertEquals(pool.offsetOf(moved), 0);
    pool.free(moved);
    assertRefused(() => pool.free(moved), "double-free", "Cannot free block at offset 0: it is already free");
    assertOneFreeRun(pool);
  }),
);

test(
  "free - structuredClone with a transfer list moves the block, without one it copies",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    mark(block, 6);
    assertRefused(() => pool.free(structuredClone(block)), "foreign-block", FOREIGN);
    const moved = structuredClone(block, { transfer: [block] });
    assertMarked(moved, 6);
    pool.free(moved);
    assertOneFreeRun(pool);
  }),
);

test(
  "free - a buffer grown or shrunk out of the pool by the engine is foreign; its block is freed by its offset",
  withPool((pool) => {
    for (const length of [0, 50, 99, 101, 500]) {
      const block = present(pool.alloc(100));
      const offset = pool.offsetOf(block);
      assertRefused(() => pool.free(block.transfer(length)), "foreign-block", FOREIGN);
      pool.freeOffset(offset);
    }
    assertOneFreeRun(pool);
  }),
);

test(
  "free - a buffer that starts where a block does but is not as long is foreign",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    assertRefused(() => pool.free(pool.buffer.transfer()), "foreign-block", FOREIGN);
    const old = block.transfer();
    pool.freeOffset(0);
    assertEquals(pool.allocOffset(90), 0);
    assertRefused(() => pool.free(old), "foreign-block", FOREIGN);
    pool.freeOffset(0);
  }),
);

test(
  "free - a slice is a copy, and foreign",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    assertRefused(() => pool.free(block.slice()), "foreign-block", FOREIGN);
    pool.free(block);
  }),
);

test(
  "free - a stale buffer of a block that was handed out again frees it, as a stale pointer does in C",
  withPool((pool) => {
    const stale = present(pool.alloc(10));
    pool.free(stale);
    const block = present(pool.alloc(20));
    assertEquals(pool.offsetOf(block), 0);
    pool.free(stale);
    assertFalse(pool.owns(block));
    assertOneFreeRun(pool);
  }, { checked: false }),
);

test(
  "free - gives the worker every block back that it took, many times over",
  withPool((pool) => {
    for (let round = 0; round < 2000; round++) pool.free(present(pool.alloc(1 + round % 300)));
    assertOneFreeRun(pool);
    assertEquals(pool.stats().frees, 2000);
  }),
);
