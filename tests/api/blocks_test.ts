/** pool.blocks() lists every run in order of address, also while other workers use the pool. */

import { assert, assertEquals } from "@std/assert";
import type { MemPool } from "mempool";
import { BlockList } from "../../src/diagnostics/block_list.ts";
import { ALLOCATED, CACHED, LENGTH, ORPHAN, RELEASING, TAG, TAKING } from "../../src/region/layout.ts";
import { makeTag } from "../../src/region/block_table.ts";
import { assertExact, assertTiles, mapOf } from "./_blocks.ts";
import { makeFlags, withPoolWorkers } from "../support/pool_workers.ts";
import { test } from "../support/harness.ts";
import { type Ending, type Parcel, STOP } from "../support/orders.ts";
import { BLOCK_SIZE, give, plainRegion, take } from "../support/plain.ts";
import { insideOf, makePool, present, withPool } from "../support/pool.ts";

/** The runs of a pool that no other thread uses, as one line. */
function mapNow(pool: MemPool): string {
  return mapOf(pool.blockSize, assertExact(pool));
}

test(
  "blocks - lists a new pool as one free run and a full pool as one allocated run",
  withPool((pool) => {
    assertEquals([...pool.blocks()], [{ offset: 0, byteLength: 4096, state: "free", owner: 0 }]);
    pool.alloc(4090);
    assertEquals([...pool.blocks()], [{ offset: 0, byteLength: 4096, state: "allocated", owner: 1 }]);
  }),
);

test(
  "blocks - lists each allocation as one run, and adjacent free blocks as one run",
  withPool((pool) => {
    const blocks = [64, 130, 1, 640, 64].map((bytes) => present(pool.alloc(bytes)));
    assertEquals(
      mapNow(pool),
      "0-1 allocated 1, 1-4 allocated 1, 4-5 allocated 1, 5-15 allocated 1, 15-16 allocated 1, 16-64 free",
    );
    pool.free(blocks[1]!);
    assertEquals(
      mapNow(pool),
      "0-1 allocated 1, 1-4 free, 4-5 allocated 1, 5-15 allocated 1, 15-16 allocated 1, 16-64 free",
    );
    pool.free(blocks[2]!);
    pool.realloc(blocks[3]!, 100);
    assertEquals(mapNow(pool), "0-1 allocated 1, 1-5 free, 5-7 allocated 1, 7-15 free, 15-16 allocated 1, 16-64 free");
  }),
);

test(
  "blocks - lists the blocks in a worker's cache as cached and owned by that worker",
  withPool((pool) => {
    const block = present(pool.alloc(10));
    assertEquals(mapNow(pool), "0-1 allocated 1, 1-2 cached 1, 2-3 cached 1, 3-4 cached 1, 4-64 free");
    pool.free(block);
    assertEquals(mapNow(pool), "0-1 cached 1, 1-2 cached 1, 2-3 cached 1, 3-4 cached 1, 4-64 free");
  }, { cachedBlocks: 8, checked: false }),
);

test(
  "blocks - returns a snapshot that can be iterated repeatedly while the pool changes",
  withPool((pool) => {
    const block = present(pool.alloc(64));
    const snapshot = pool.blocks();
    const entries = snapshot[Symbol.iterator]();
    const allocated = { offset: 0, byteLength: 64, state: "allocated", owner: 1 } as const;
    assertEquals(entries.next(), { value: allocated, done: false });
    pool.free(block); // iterating holds no lock
    pool.alloc(4096);
    const free = { offset: 64, byteLength: 4032, state: "free", owner: 0 } as const;
    assertEquals(entries.next(), { value: free, done: false });
    assertEquals(entries.next(), { value: undefined, done: true });
    assertEquals([...snapshot], [allocated, free]);
    for (const now of pool.blocks()) {
      assertEquals(now, { offset: 0, byteLength: 4096, state: "allocated", owner: 1 });
      break; // leaving the loop early is allowed
    }
    pool.freeOffset(0);
  }),
);

test("blocks - covers the whole pool before and after it grows", () => {
  using pool = makePool({ maxSize: 8192 });
  const before = pool.blocks();
  assertEquals(mapNow(pool), "0-64 free");
  pool.alloc(4096);
  pool.alloc(100);
  assertEquals(mapNow(pool), "0-64 allocated 1, 64-66 allocated 1, 66-128 free");
  assertEquals(mapOf(64, before), "0-64 free");
});

test("blocks - can be iterated after the pool is destroyed", () => {
  const pool = makePool();
  const snapshot = pool.blocks();
  pool.destroy();
  assertEquals(mapOf(64, snapshot), "0-64 free");
});

test("blocks - names the owner of each block until another worker takes the block over", () =>
  withPoolWorkers(2, { blocks: 64, blockSize: 512, cachedBlocks: 0 }, async (pool, workers) => {
    const produce = { ask: "produce", count: 2, seed: 1, as: "offset" } as const;
    for (const worker of workers) await worker.order(produce);
    pool.allocOffset(1000);
    const owners = assertExact(pool).map(({ owner }) => owner);
    const [one, other] = [owners[0]!, owners[2]!];
    assertEquals([one, other].sort(), [2, 3]);
    assertEquals(owners, [one, one, other, other, 1, 0]);
    pool.at(0);
    assertEquals(assertExact(pool).map(({ owner }) => owner), [1, one, other, other, 1, 0]);
    await Promise.all(workers.map((worker) => worker.order({ ask: "close" })));
    assertEquals(
      assertExact(pool).map(({ owner }) => owner),
      [1, one, other, other, 1, 0],
      "also after the owner has closed the pool",
    );
  }));

test("blocks - lists the blocks in the depot as free", () =>
  withPoolWorkers(1, { blocks: 64, blockSize: 512, cachedBlocks: 8, checked: false }, async (pool, [worker]) => {
    const parcels = await worker!.order<Parcel[]>({ ask: "produce", count: 16, seed: 1, as: "offset" });
    for (const { where } of parcels) pool.freeOffset(where as number);
    const { depot } = insideOf(pool).region;
    assert(depot.count > 0);
    const found = assertExact(pool);
    assertEquals(found.filter(({ state }) => state === "cached").map(({ owner }) => owner).includes(0), false);
    const singles = found.filter(({ state, byteLength }) => state === "free" && byteLength === pool.blockSize);
    assert(singles.length >= depot.count && singles.every(({ owner }) => owner === 0));
  }));

test("blocks - lists a block in a transitional state as cached or allocated", () => {
  const region = plainRegion(8);
  const tags = [
    makeTag(ALLOCATED, 5),
    makeTag(CACHED, 6),
    makeTag(TAKING, 7),
    makeTag(RELEASING, 8),
    makeTag(ALLOCATED, ORPHAN),
  ];
  for (const tag of tags) region.table.set(take(region, 1), TAG, tag);
  assertEquals(
    mapOf(BLOCK_SIZE, new BlockList(region)),
    "0-1 allocated 5, 1-2 cached 6, 2-3 cached 7, 3-4 allocated 8, 4-5 allocated, 5-8 free",
  );
});

test("blocks - covers the whole pool even when the block table is corrupt", () => {
  const region = plainRegion(8);
  take(region, 3);
  region.table.set(0, LENGTH, 0);
  region.table.set(1, LENGTH, -5);
  region.table.set(2, LENGTH, 100);
  region.table.set(1, TAG, makeTag(ALLOCATED, 9));
  region.table.set(2, TAG, makeTag(ALLOCATED, 9));
  assertEquals(mapOf(BLOCK_SIZE, new BlockList(region)), "0-1 allocated 1, 1-2 allocated 9, 2-8 allocated 9");
});

test("blocks - lists 100,000 runs", () => {
  const region = plainRegion(100_000);
  for (let block = 0; block < 100_000; block++) take(region, 1);
  for (let block = 0; block < 100_000; block += 3) give(region, block);
  const runs = [...new BlockList(region)];
  assertEquals(runs.length, 100_000);
  const wrong = runs.findIndex(({ offset, byteLength, state, owner }, block) => {
    const isFree = block % 3 === 0;
    return offset !== block * BLOCK_SIZE || byteLength !== BLOCK_SIZE ||
      state !== (isFree ? "free" : "allocated") || owner !== (isFree ? 0 : 1);
  });
  assertEquals(wrong, -1, JSON.stringify(runs[wrong]));
});

test("blocks - covers the pool while workers use it and it grows, and lists untouched allocations unchanged", () =>
  withPoolWorkers(2, { blocks: 16, maxSize: 512 * 64, cachedBlocks: 16 }, async (pool, workers) => {
    const mine = [1, 2, 1, 5].map((blocks) => ({ offset: pool.allocOffset(blocks * 64), byteLength: blocks * 64 }));
    const { flags, words } = makeFlags();
    const churns = workers.map((worker, place) =>
      worker.order<Ending>({ ask: "churn", steps: 1e7, seed: 77 + place, flags })
    );
    const owners = new Set<number>();
    for (let snapshots = 0; snapshots < 100 || !(owners.has(2) && owners.has(3) && pool.blockCount > 16); snapshots++) {
      const runs = assertTiles(pool);
      for (const { state, owner } of runs) if (state === "allocated") owners.add(owner);
      for (const { offset, byteLength } of mine) {
        const run = runs.find((run) => run.offset === offset);
        assertEquals(run, { offset, byteLength, state: "allocated", owner: 1 });
      }
    }
    Atomics.store(words, STOP, 1);
    const endings = await Promise.all(churns);
    assertEquals(endings.map(({ code }) => code), ["done", "done"]);
    assertExact(pool);
  }));
