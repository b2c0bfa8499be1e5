/** A pool with maxSize grows when it is exhausted, in every worker, and keeps every allocation. */

import { assert, assertEquals } from "@std/assert";
import { MemPool, type MemPoolStats } from "mempool";
import { withPoolWorkers } from "../support/pool_workers.ts";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import type { Parcel } from "../support/orders.ts";
import { assertMarked, assertOneFreeRun, mark, type PoolShape, present, withPool } from "../support/pool.ts";
import { takeAll } from "../support/take_all.ts";

const BLOCK = 64;

/** A pool of 16 blocks that may grow to `blocks`. */
function growing(blocks: number, more: PoolShape = {}): PoolShape {
  return { blocks: 16, maxSize: blocks * BLOCK, ...more };
}

for (const cachedBlocks of [0, 8]) {
  test(
    `growth - doubles the pool up to maxSize; then alloc returns null, ${cachedBlocks} blocks cached`,
    withPool((pool) => {
      const sizes = new Set([pool.blockCount]);
      const blocks: ArrayBuffer[] = [];
      for (const block of takeAll(() => pool.alloc(BLOCK))) {
        blocks.push(block);
        mark(block, blocks.length);
        sizes.add(pool.blockCount);
      }
      assertEquals([...sizes], [16, 32, 64, 100]);
      assertEquals([blocks.length, pool.blockCount, pool.size], [100, 100, 100 * BLOCK]);
      const { grown, exhausted, size, blockCount, allocatedBlocks } = pool.stats();
      assertEquals({ grown, exhausted, size, blockCount, allocatedBlocks }, {
        grown: 3,
        exhausted: 1,
        size: pool.size,
        blockCount: 100,
        allocatedBlocks: 100,
      });
      for (const [place, block] of blocks.entries()) assertMarked(block, place + 1);
      pool.freeMany(blocks);
      assertOneFreeRun(pool);
    }, growing(100, { cachedBlocks })),
  );
}

test(
  "growth - does not happen while free blocks fit",
  withPool((pool) => {
    for (let round = 0; round < 5; round++) {
      const blocks = Array.from({ length: 16 }, () => present(pool.alloc(BLOCK)));
      pool.freeMany(blocks);
    }
    assertEquals([pool.blockCount, pool.stats().grown], [16, 0]);
  }, growing(1024, { cachedBlocks: 16 })),
);

test(
  "growth - more than doubles the pool when a request needs it, and uses the free blocks at the end",
  withPool((pool) => {
    present(pool.alloc(6 * BLOCK)); // ten are free
    assertEquals(present(pool.alloc(100 * BLOCK)).byteLength, 100 * BLOCK);
    assertEquals([pool.blockCount, pool.stats().freeBlocks], [106, 0]);
    assertEquals(pool.alloc(95 * BLOCK), null);
    assertEquals([pool.blockCount, pool.stats().grown], [106, 1], "a request that cannot fit must not grow the pool");
    present(pool.alloc(94 * BLOCK));
    assertEquals(pool.blockCount, 200);
  }, growing(200)),
);

test(
  "growth - allocMany grows the pool for all of its blocks or not at all",
  withPool((pool) => {
    present(pool.alloc(10 * BLOCK));
    assertEquals(pool.allocMany(19, 5 * BLOCK), null);
    assertEquals(pool.blockCount, 16);
    assertEquals(present(pool.allocMany(18, 5 * BLOCK)).length, 18);
    assertEquals([pool.blockCount, pool.stats().grown], [100, 1]);
  }, growing(100)),
);

test(
  "growth - realloc grows the pool to extend the last block in place",
  withPool((pool) => {
    const first = present(pool.alloc(8 * BLOCK));
    const last = present(pool.alloc(8 * BLOCK));
    mark(last, 1);
    const offset = pool.offsetOf(last);
    const longer = present(pool.realloc(last, 92 * BLOCK));
    assertEquals([pool.offsetOf(longer), pool.blockCount], [offset, 100]);
    assertMarked(longer, 1, 8 * BLOCK);
    pool.free(first);
    const longest = present(pool.realloc(longer, 100 * BLOCK));
    assertEquals([pool.offsetOf(longest), pool.stats().freeBlocks], [0, 0]);
    assertMarked(longest, 1, 8 * BLOCK);
    assertEquals(pool.realloc(longest, 101 * BLOCK), null);
  }, growing(100)),
);

test(
  "growth - pool.buffer covers the grown pool; the earlier buffer stays valid for its part",
  withPool((pool) => {
    const before = pool.buffer;
    const offset = pool.allocOffset(BLOCK);
    new Uint8Array(before, offset, 1)[0] = 7;
    present(pool.alloc(30 * BLOCK));
    const after = pool.buffer;
    assertEquals([before.byteLength, after.byteLength, pool.size], [16 * BLOCK, 32 * BLOCK, 32 * BLOCK]);
    assertEquals(new Uint8Array(after, offset, 1)[0], 7);
    new Uint8Array(after, offset, 1)[0] = 8;
    assertEquals(new Uint8Array(before, offset, 1)[0], 8);
  }, growing(100)),
);

test(
  "growth - calloc returns zeroed memory in the new part",
  withPool((pool) => {
    const used = present(pool.alloc(16 * BLOCK));
    new Uint8Array(used).fill(7);
    pool.free(used);
    const zeros = present(pool.calloc(64, BLOCK));
    assert(new Uint8Array(zeros).every((byte) => byte === 0));
  }, growing(64)),
);

test(
  "growth - a closed object keeps the size that it had at close",
  withPool((pool) => {
    const joined = MemPool.attach(pool.handle);
    present(pool.alloc(20 * BLOCK));
    joined.close();
    assertEquals([joined.blockCount, joined.size], [32, 32 * BLOCK]);
    present(pool.alloc(50 * BLOCK));
    assertEquals([joined.blockCount, pool.blockCount], [32, 70]);
    pool.free(pool.at(0));
    pool.free(pool.at(20 * BLOCK));
  }, growing(100)),
);

test("growth - by one worker is visible to all: offsets, buffers and frees work", () =>
  withPoolWorkers(2, growing(4096, { cachedBlocks: 8 }), async (pool, [one, other]) => {
    const made = await one!.order<Parcel[]>({ ask: "produce", count: 300, seed: 1, as: "offset" });
    assert(pool.blockCount > 256);
    assert(made.some(({ where }) => (where as number) > 256 * BLOCK));
    await other!.order({ ask: "consume", parcels: made });
    const { blockCount, allocatedBlocks } = await other!.order<MemPoolStats>({ ask: "stats" });
    assertEquals([blockCount, allocatedBlocks], [pool.blockCount, 0]);
  }));

test("growth - by four workers at once hands out every block exactly once", () => {
  const count = effort(80, 250);
  const most = 12 * count;
  return withPoolWorkers(4, { blocks: 4, maxSize: most * BLOCK, cachedBlocks: 16 }, async (pool, workers) => {
    const made = await Promise.all(
      workers.map((worker, place) => worker.order<Parcel[]>({ ask: "produce", count, seed: place, as: "offset" })),
    );
    const rest = [...takeAll(() => pool.alloc(BLOCK))];
    const { allocatedBlocks, blockCount } = pool.stats();
    assertEquals([allocatedBlocks, blockCount], [most, most]);
    pool.freeMany(rest);
    await Promise.all(
      workers.map((worker, place) => worker.order({ ask: "consume", parcels: made[(place + 1) % 4]! })),
    );
    await Promise.all(workers.map((worker) => worker.order({ ask: "close" })));
    assertOneFreeRun(pool);
  });
});
