import { assertEquals, assertFalse } from "@std/assert";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  assertRefused,
  lastingStats,
  mark,
  present,
  withPool,
} from "../support/pool.ts";

const FOREIGN = "Cannot free an object (ArrayBuffer): it is not a block of this pool";

test(
  "free - accepts blocks in the order of allocation, in reverse, and from the middle outwards",
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
  "free - accepts any view on a block, wherever the view starts",
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
  "free - reports a double free and changes nothing",
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
  "free - refuses a buffer that was transferred, and accepts the buffer that it became",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    mark(block, 5);
    const moved = block.transfer();
    const message = "Cannot free an object (ArrayBuffer): it was moved or freed elsewhere, the buffer is detached";
    assertRefused(() => pool.free(block), "foreign-block", message);
    assertMarked(moved, 5);
    assertEquals(pool.offsetOf(moved), 0);
    pool.free(moved);
    assertRefused(() => pool.free(moved), "double-free", "Cannot free block at offset 0: it is already free");
    assertOneFreeRun(pool);
  }),
);

test(
  "free - accepts a block that structuredClone moved, and refuses a copy",
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
  "free - refuses a buffer that the engine copied to another length; freeOffset frees its block",
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
  "free - frees a block through a stale buffer, as C does through a stale pointer",
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
  "free - returns every block to the pool over many rounds",
  withPool((pool) => {
    const rounds = effort(500, 2000);
    for (let round = 0; round < rounds; round++) pool.free(present(pool.alloc(1 + round % 300)));
    assertOneFreeRun(pool);
    assertEquals(pool.stats().frees, rounds);
  }),
);
