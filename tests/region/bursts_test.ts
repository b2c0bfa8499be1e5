/** Bursts: caches that grow with them, and how much of a pool the depot may hide. */

import { assert, assertEquals } from "@std/assert";
import { HIGH_WATER, HOLDER, LOCK_ACQUISITIONS, NONE } from "../../src/region/layout.ts";
import { test } from "../support/harness.ts";
import { SimMemory, SimWorker } from "../support/simulation.ts";

const FIRST_LIMIT = 256;
const BATCH = 1024;

function allocMany(worker: SimWorker, count: number): number[] {
  return Array.from({ length: count }, () => {
    const block = worker.alloc(1);
    assert(block !== NONE);
    return block;
  });
}

function freeAll(worker: SimWorker, blocks: readonly number[]): void {
  for (const block of blocks) assert(worker.free(block));
}

function limitOf(worker: SimWorker): number {
  return worker.allocator.cache.updateRoom();
}

test("bursts - the cache of a worker that frees and allocates many blocks grows, up to the pool or cachedBlocks", () => {
  for (const [cachedBlocks, most] of [[2048, 2048], [8192, 4000]] as const) {
    const one = SimWorker.attach(SimMemory.make({ blocks: 4000, cachedBlocks }));
    const limits = [limitOf(one)];
    for (const burst of [200, 300, 600, 1500, most, most]) {
      freeAll(one, allocMany(one, burst));
      limits.push(limitOf(one));
    }
    assertEquals(limits, [FIRST_LIMIT, 512, 512, 1024, 2048, most, most]);
    one.check();
  }
});

test("bursts - a worker that is alone and has cached the whole pool gets a run of all of it", () => {
  const one = SimWorker.attach(SimMemory.make({ blocks: 1000, cachedBlocks: 8192 }));
  freeAll(one, allocMany(one, 1000));
  assertEquals(one.region.slots.cachedBlocks(), 1000);
  assertEquals(one.alloc(1000 * one.region.blockSize), 0);
  one.check();
});

test("bursts - the cache of a worker that is no longer alone shrinks to its share of the pool", () => {
  const memory = SimMemory.make({ blocks: 8192, cachedBlocks: 4096 });
  const one = SimWorker.attach(memory);
  for (let round = 0; round < 5; round++) freeAll(one, allocMany(one, 6000));
  assertEquals(limitOf(one), 4096);
  const two = SimWorker.attach(memory);
  for (let round = 0; round < 5; round++) freeAll(one, allocMany(one, 6000));
  assertEquals(limitOf(one), 1024);
  assert(one.region.slots.cached(one.slot) <= 1024);
  two.check();
});

test("bursts - caches share the quarter of the pool, and never exceed cachedBlocks", () => {
  for (const [cachedBlocks, burst, most] of [[8192, 900, 1024], [300, 290, 300]] as const) {
    const memory = SimMemory.make({ blocks: 8192, cachedBlocks });
    const workers = [SimWorker.attach(memory), SimWorker.attach(memory)];
    for (let round = 0; round < 3; round++) {
      for (const worker of workers) freeAll(worker, allocMany(worker, burst));
    }
    assertEquals(workers.map(limitOf), [most, most]);
    workers[0]!.check();
  }
});

test("bursts - a worker that only allocates gets more at once, up to its share of the pool", () => {
  const memory = SimMemory.make({ blocks: 16_384, cachedBlocks: 8192 });
  const [producer] = [SimWorker.attach(memory), SimWorker.attach(memory)] as const;
  const limits = [1, 200, 300, 500, 1000, 2000].map((blocks) => {
    allocMany(producer, blocks);
    return limitOf(producer);
  });
  assertEquals(limits, [FIRST_LIMIT, 512, 1024, 2048, 2048, 2048]);
  producer.check();
});

test("bursts - the cache of a worker that only frees has room for one batch, and goes to the depot as a whole", () => {
  const memory = SimMemory.make({ blocks: 16_384, cachedBlocks: 8192 });
  const [producer, consumer] = [SimWorker.attach(memory), SimWorker.attach(memory)] as const;
  for (let round = 0; round < 4; round++) freeAll(consumer, allocMany(producer, 4000));
  assertEquals(limitOf(consumer), BATCH);
  freeAll(consumer, allocMany(consumer, 2 * BATCH));
  assertEquals(limitOf(consumer), 2 * BATCH);
  for (let round = 0; round < 4; round++) freeAll(consumer, allocMany(producer, 4000));
  assertEquals(limitOf(consumer), BATCH);
  const { slots } = consumer.region;
  while (slots.cached(consumer.slot) < BATCH) freeAll(consumer, allocMany(producer, 1));
  freeAll(consumer, allocMany(producer, 1));
  assertEquals(slots.cached(consumer.slot), 1);
  producer.check();
});

test("bursts - a worker whose cache is full gets a larger one while another worker has the lock", () => {
  const memory = SimMemory.make({ blocks: 16_384, cachedBlocks: 8192 });
  const [producer, consumer] = [SimWorker.attach(memory), SimWorker.attach(memory)] as const;
  const { header } = consumer.region;
  const blocks = allocMany(producer, 2 * BATCH);
  producer.allocator.lock.enter("test");
  const sections = producer.region.counters[LOCK_ACQUISITIONS];
  freeAll(consumer, blocks);
  assertEquals(producer.region.counters[LOCK_ACQUISITIONS], sections);
  assertEquals(header[HOLDER], producer.number);
  producer.allocator.lock.leave();
  assertEquals(limitOf(consumer), 2 * BATCH);
  producer.check();
});

test("bursts - a run is made of freed blocks before fresh memory is used, if they are an eighth of the used ones", () => {
  for (const [freed, fresh] of [[56, true], [80, false]] as const) {
    const one = SimWorker.attach(SimMemory.make({ blocks: 1024, cachedBlocks: 8 }));
    const blocks = allocMany(one, 512).sort((a, b) => a - b);
    const highWater = one.region.header[HIGH_WATER]!;
    freeAll(one, blocks.slice(100, 100 + freed));
    const run = one.alloc(40 * one.region.blockSize);
    assertEquals(run >= highWater - 8, fresh, `after ${freed} frees, the run is at block ${run} of ${highWater} used`);
    one.check();
  }
});

test("bursts - blocks in the depot count as free, and a run of all of them is found", () => {
  const one = SimWorker.attach(SimMemory.make({ blocks: 512, cachedBlocks: 8 }));
  const blocks = allocMany(one, 512);
  freeAll(one, blocks);
  assert(one.region.depot.count > 500);
  assertEquals(one.region.slots.cachedBlocks() <= 8, true);
  assertEquals(one.alloc(512 * one.region.blockSize), 0);
});

test("bursts - what freeMany freed is in the cache and the depot, and allocateMany hands it out again without fresh memory", () => {
  const one = SimWorker.attach(SimMemory.make({ blocks: 4096, cachedBlocks: 64 }));
  const { allocator, region } = one;
  const take = (count: number): number[] => {
    const blocks = allocator.allocateMany(count, 1);
    assert(blocks !== undefined);
    return [...blocks];
  };
  const first = take(1000);
  const highWater = region.header[HIGH_WATER]!;
  const apart = first.filter((block) => block % 2 === 0);
  const cached = region.slots.cachedBlocks();
  assertEquals(allocator.freeMany(apart), NONE);
  assertEquals(region.slots.cachedBlocks() - cached + region.depot.count, apart.length);
  assert(region.depot.count > 0 && region.slots.cachedBlocks() > cached);
  one.check();
  assert(take(apart.length).filter((block) => !first.includes(block)).length <= cached);
  assertEquals(region.header[HIGH_WATER], highWater);
  one.check();
});

test("bursts - allocateMany counts the blocks of the depot, and does not join them as long as they are enough", () => {
  const one = SimWorker.attach(SimMemory.make({ blocks: 1000, cachedBlocks: 8 }));
  const { allocator, region } = one;
  const blocks = [...allocator.allocateMany(1000, 1)!];
  assertEquals(allocator.freeMany(blocks.slice(100)), NONE);
  assertEquals(allocator.allocateMany(901, 1), undefined);
  one.check();
  assertEquals(new Set(allocator.allocateMany(900, 1)).size, 900);
  assertEquals(allocator.freeMany(blocks), NONE);
  assertEquals([...allocator.allocateMany(600, 1)!].every((block) => block >= 0), true);
  assertEquals(region.depot.count >= 400 - 8, true);
  one.check();
});

test("bursts - a run is found after freeMany, whatever the order of the blocks", () => {
  const one = SimWorker.attach(SimMemory.make({ blocks: 512, cachedBlocks: 8 }));
  const blocks = [...one.allocator.allocateMany(512, 1)!];
  assertEquals(one.allocator.freeMany(blocks.sort((a, b) => a % 7 - b % 7)), NONE);
  assertEquals(one.alloc(512 * one.region.blockSize), 0);
  one.check();
});
