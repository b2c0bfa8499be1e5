import { assertAlmostEquals, assertEquals } from "@std/assert";
import { MemPool } from "mempool";
import { test } from "../support/harness.ts";
import { lastingStats, makePool, present, withPool } from "../support/pool.ts";

const FRESH = {
  size: 4096,
  blockSize: 64,
  blockCount: 64,
  allocatedBlocks: 0,
  cachedBlocks: 0,
  freeBlocks: 64,
  peakAllocatedBlocks: 0,
  requestedBytes: 0,
  largestFreeRun: 64,
  fragmentation: 0,
  allocs: 0,
  frees: 0,
  coalesced: 0,
  grown: 0,
  workers: 1,
  ownerDeaths: 0,
};

function assertStats(pool: MemPool, changed: Partial<typeof FRESH>): void {
  assertEquals(lastingStats(pool), { ...FRESH, ...changed });
}

test(
  "stats - describes a new pool",
  withPool((pool) => assertStats(pool, {})),
);

test(
  "stats - describes a full pool",
  withPool((pool) => {
    pool.allocMany(64, 60);
    assertStats(pool, {
      allocatedBlocks: 64,
      freeBlocks: 0,
      peakAllocatedBlocks: 64,
      requestedBytes: 64 * 60,
      largestFreeRun: 0,
      allocs: 64,
    });
  }),
);

test(
  "stats - describes a fragmented pool",
  withPool((pool) => {
    const blocks = [2, 3, 4, 5].map((length) => present(pool.alloc(length * 64 - 7)));
    pool.free(blocks[1]!);
    pool.free(blocks[3]!);
    assertStats(pool, {
      allocatedBlocks: 6,
      freeBlocks: 58,
      peakAllocatedBlocks: 14,
      requestedBytes: 6 * 64 - 14,
      largestFreeRun: 55,
      fragmentation: 1 - 55 / 58,
      allocs: 4,
      frees: 2,
      coalesced: 1,
    });
  }),
);

test(
  "stats - reports a fragmentation near 1 when only single blocks are free",
  withPool((pool) => {
    const blocks = present(pool.allocMany(64, 64));
    for (let place = 0; place < 64; place += 2) pool.free(blocks[place]!);
    const { largestFreeRun, freeBlocks, fragmentation } = pool.stats();
    assertEquals([largestFreeRun, freeBlocks], [1, 32]);
    assertAlmostEquals(fragmentation, 31 / 32);
  }),
);

test(
  "stats - reports the highest number of allocated blocks as the peak",
  withPool((pool) => {
    const block = present(pool.alloc(40 * 64));
    pool.free(block);
    pool.alloc(64);
    assertEquals(pool.stats().peakAllocatedBlocks, 40);
    assertEquals(pool.stats().allocatedBlocks, 1);
  }),
);

test(
  "stats - counts each join of two runs as coalesced",
  withPool((pool) => {
    const blocks = [1, 1, 1, 1].map((bytes) => present(pool.alloc(bytes)));
    pool.free(blocks[0]!);
    assertEquals(pool.stats().coalesced, 0);
    pool.free(blocks[2]!);
    assertEquals(pool.stats().coalesced, 0);
    pool.free(blocks[1]!);
    assertEquals(pool.stats().coalesced, 2);
    pool.free(blocks[3]!);
    assertEquals(pool.stats().coalesced, 4);
  }),
);

test(
  "stats - counts every request that found no run as exhausted",
  withPool((pool) => {
    const block = present(pool.alloc(64));
    const offset = pool.allocOffset(64);
    pool.alloc(pool.size);
    pool.calloc(pool.size, 1);
    pool.realloc(block, pool.size);
    pool.allocOffset(pool.size);
    pool.callocOffset(1, pool.size);
    pool.reallocOffset(offset, pool.size);
    pool.allocMany(63, 64);
    pool.allocMany(2 ** 30, 64);
    assertEquals(pool.stats().exhausted, 8);
  }),
);

test(
  "stats - counts lock acquisitions",
  withPool((pool) => {
    const before = pool.stats().lockAcquisitions;
    pool.free(present(pool.alloc(1000)));
    const after = pool.stats();
    assertEquals([after.lockAcquisitions > before, after.lockContended], [true, 0]);
  }),
);

test(
  "stats - counts every block in one of three states, and cached blocks as free in the longest run",
  withPool((pool) => {
    const blocks = Array.from({ length: 20 }, () => present(pool.alloc(10)));
    for (const block of blocks.slice(5)) pool.free(block);
    const { allocatedBlocks, cachedBlocks, freeBlocks, allocs, frees, requestedBytes } = pool.stats();
    assertEquals(allocatedBlocks + cachedBlocks + freeBlocks, 64);
    assertEquals([allocatedBlocks, allocs, frees, requestedBytes], [5, 20, 15, 50]);
    for (const block of blocks.slice(0, 5)) pool.free(block);
    assertEquals([pool.stats().largestFreeRun, pool.stats().fragmentation], [64, 0]);
  }, { cachedBlocks: 16 }),
);

test("stats - counts a thread as one worker, however many objects it has", () => {
  using pool = makePool();
  using _second = MemPool.attach(pool.handle);
  using _third = MemPool.attach(pool.handle);
  assertEquals(pool.stats().workers, 1);
});
