import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { openNative } from "../../src/runtime/open.ts";
import { MemPool, type MemPoolHandle } from "mempool";
import {
  BLOCK_COUNT,
  BLOCK_SIZE,
  FORMAT,
  HEADER_FORMAT,
  HEADER_MAGIC,
  MAGIC,
  SLOT_COUNT,
} from "../../src/region/layout.ts";
import type { Region } from "../../src/region/region.ts";
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
  "handle - is plain data that survives structuredClone and JSON",
  withPool((pool) => {
    const { handle } = pool;
    for (const copy of [structuredClone(handle), JSON.parse(JSON.stringify(handle)) as MemPoolHandle]) {
      assertEquals(copy, handle);
      using attached = MemPool.attach(copy);
      assertEquals([attached.size, attached.blockSize, attached.blockCount], [pool.size, 64, 64]);
      assertEquals(attached.handle, handle);
    }
  }),
);

test("handle - is unique to its pool, also among destroyed pools", () => {
  const handles = Array.from({ length: 50 }, () => {
    using pool = makePool();
    return JSON.stringify(pool.handle);
  });
  assertEquals(new Set(handles).size, 50);
});

test(
  "attach - gives access to the blocks of the pool and their bytes",
  withPool((pool) => {
    using attached = MemPool.attach(pool.handle);
    const block = present(pool.alloc(100));
    mark(block, 1);
    assert(attached.owns(block));
    assertMarked(attached.at(attached.offsetOf(block)), 1);
    attached.free(block);
    assertOneFreeRun(pool);
  }),
);

test("attach - keeps blocks and buffers usable that were allocated before this thread closed the pool", () => {
  for (const cachedBuffers of [0, 1000]) {
    const pool = makePool({ cachedBuffers });
    const { handle } = pool;
    const [a, b] = present(pool.allocMany(2, 100)) as [ArrayBuffer, ArrayBuffer];
    mark(a, 1);
    pool.close();
    const again = MemPool.attach(handle);
    assertEquals(again.offsetOf(a), 0);
    assertMarked(a, 1);
    again.free(a);
    again.free(new Uint8Array(b));
    assertOneFreeRun(again);
    again.destroy();
  }
});

test("attach - refuses the handle of a destroyed pool while other pools are made in its place", () => {
  const pool = makePool();
  const { handle } = pool;
  pool.destroy();
  for (let round = 0; round < 20; round++) {
    using other = makePool();
    assertNotEquals(other.handle.id, handle.id);
    assertRefused(() => MemPool.attach(handle), "destroyed", `Cannot attach to pool ${handle.id}: it is destroyed`);
  }
});

test(
  "attach - refuses a handle with an id that no pool had",
  withPool(({ handle }) => {
    for (const id of [0, -1, 1, 1.5, handle.id + 2 ** 40, handle.id + 0.5, NaN, Infinity, 2 ** 60]) {
      const message = `Cannot attach to pool ${id}: this process has never had a pool of this id`;
      assertRefused(() => MemPool.attach({ ...handle, id }), "unknown-pool", message);
    }
  }),
);

/** Expects attach to refuse a region with a header that this version of the library does not write. */
function assertFormatMismatch(
  damage: (region: Region) => void,
  repair: (region: Region) => void,
  detail: string,
): void {
  const pool = makePool();
  const { handle } = pool;
  const { region } = insideOf(pool); // the header stays mapped until the pool is destroyed
  pool.close();
  damage(region);
  assertRefused(() => MemPool.attach(handle), "format-mismatch", `Cannot attach to the pool: ${detail}`);
  repair(region);
  MemPool.attach(handle).destroy();
}

test("attach - refuses a region with an invalid header", () => {
  const cases: [number, number, number, string][] = [
    [HEADER_MAGIC, 77, MAGIC, "its magic number is 77"],
    [HEADER_FORMAT, FORMAT + 1, FORMAT, `its format is ${FORMAT + 1}, this code reads ${FORMAT}`],
    [BLOCK_COUNT, 0, 64, "its block count is 0"],
    [BLOCK_COUNT, -1, 64, "its block count is -1"],
    [BLOCK_COUNT, 2 ** 30, 64, "its block count is 1073741824"],
  ];
  for (const [word, wrong, right, detail] of cases) {
    assertFormatMismatch(({ header }) => header[word] = wrong, ({ header }) => header[word] = right, detail);
  }
  for (const wrong of [0, 8, 24, NaN, 2 ** 40, -64]) {
    assertFormatMismatch(
      ({ counters }) => counters[BLOCK_SIZE] = wrong,
      ({ counters }) => counters[BLOCK_SIZE] = 64,
      `its block size is ${wrong}`,
    );
  }
});

test("attach - refuses when all worker slots are taken, and succeeds when one is free again", () => {
  const pool = makePool();
  const { handle } = pool;
  const { region: { slots } } = insideOf(pool);
  pool.close();
  for (let slot = 0; slot < SLOT_COUNT; slot++) slots.take(9000 + slot, openNative().thread());
  assertRefused(
    () => MemPool.attach(handle),
    "too-many-workers",
    `Cannot attach: all ${SLOT_COUNT} worker slots of the pool are taken`,
  );
  slots.leave(5);
  const again = MemPool.attach(handle);
  assertEquals(again.stats().workers, SLOT_COUNT);
  again.destroy();
});

test(
  "attach - releases its worker slot at close, a thousand times, while the pool stays open here",
  withPool((pool) => {
    for (let round = 0; round < 1000; round++) MemPool.attach(pool.handle).close();
    assertEquals(pool.stats().workers, 1);
  }),
);

test("attach - can follow close a thousand times", () => {
  const pool = makePool();
  const { handle } = pool;
  pool.close();
  for (let round = 0; round < 1000; round++) MemPool.attach(handle).close();
  const last = MemPool.attach(handle);
  assertEquals(last.stats().workers, 1);
  last.destroy();
});
