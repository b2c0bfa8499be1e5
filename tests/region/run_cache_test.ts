/**
 * The cache of short runs, with two simulated workers: what it keeps, and what happens if the other worker intervenes.
 */

import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import {
  ALLOCATED_SHORT,
  AWAITED,
  CACHED_RUN,
  COALESCED,
  DESTROYED,
  FREE,
  HAS_BARRIER,
  LIVE,
  LOCK_ACQUISITIONS,
  LONGEST_SHORT_RUN,
  NONE,
  PLAIN_CLAIMS,
  REQUESTED_LOW,
  RUN_ENTRIES,
  SLOT_CLAIM,
  SLOT_RUN_TOPS,
  STATE,
} from "../../src/region/layout.ts";
import { NOT_ALLOCATED } from "../../src/allocator/resize.ts";
import { slotWord } from "../../src/region/worker_slots.ts";
import { isCachedAs, stateOf, workerOf } from "../../src/region/block_table.ts";
import { test } from "../support/harness.ts";
import { once } from "../support/once.ts";
import { runsOf } from "../support/plain.ts";
import { assertRefused } from "../support/pool.ts";
import { forAll } from "../support/random.ts";
import { type Backing, SimMemory, SimWorker } from "../support/simulation.ts";

const BLOCK = 64;
const SHAPE = { blocks: 400, cachedBlocks: 40 };
const SHORT_LENGTHS = Array.from({ length: LONGEST_SHORT_RUN - 1 }, (_, place) => place + 2);

interface TwoWorkers {
  readonly memory: SimMemory;
  readonly one: SimWorker;
  readonly two: SimWorker;
}

function twoWorkers(shape = SHAPE): TwoWorkers {
  const memory = SimMemory.make(shape);
  return { memory, one: SimWorker.attach(memory), two: SimWorker.attach(memory) };
}

function stateAt({ region: { table } }: SimWorker, block: number): number {
  return stateOf(table.tag(block));
}

/** How often the lock is taken during `act`. */
function locksTaken({ region: { counters } }: SimWorker, act: () => void): number {
  const before = counters[LOCK_ACQUISITIONS]!;
  act();
  return counters[LOCK_ACQUISITIONS]! - before;
}

function freeAll(worker: SimWorker, blocks: readonly number[]): void {
  for (const block of blocks) assert(worker.free(block));
}

test("run cache - a worker that is alone caches no short runs, but frees them at once", () => {
  const one = SimWorker.attach(SimMemory.make(SHAPE));
  for (const length of SHORT_LENGTHS) assert(one.free(one.alloc(length * BLOCK)));
  assertEquals(one.stats().cachedBlocks, 0);
  assertEquals(one.region.counters[COALESCED], SHORT_LENGTHS.length);
});

test("run cache - one of two workers caches short runs and hands them out again, without the lock", () => {
  for (const length of SHORT_LENGTHS) {
    const { one, two } = twoWorkers();
    const block = one.alloc(length * BLOCK);
    const taken = locksTaken(one, () => {
      assert(two.free(block));
      assertEquals([stateAt(one, block), two.stats().cachedBlocks], [CACHED_RUN, length]);
      assertEquals(two.alloc(length * BLOCK - 1), block);
    });
    assertEquals(taken, 1, "by stats()");
    assertEquals([stateAt(one, block), one.region.table.requested(block)], [ALLOCATED_SHORT, length * BLOCK - 1]);
    const { allocs, frees, requestedBytes } = one.stats();
    assertEquals([allocs, frees, requestedBytes], [2, 1, length * BLOCK - 1]);
    one.check();
  }
});

test("run cache - needs no lock however often a run is freed and allocated, and counts what it holds", () => {
  const { one } = twoWorkers();
  const block = one.alloc(4 * BLOCK);
  const taken = locksTaken(one, () => {
    for (let round = 0; round < 50; round++) assert(one.free(block) && one.alloc(4 * BLOCK) === block);
  });
  assertEquals([taken, one.region.slots.cachedBlocks()], [0, 0]);
  assert(one.free(block));
  assertEquals(one.region.slots.cachedBlocks(), 4);
});

test("run cache - a longer run is freed at once", () => {
  const { one } = twoWorkers();
  assert(one.free(one.alloc((LONGEST_SHORT_RUN + 1) * BLOCK)));
  assertEquals(one.stats().cachedBlocks, 0);
});

test("run cache - hands out a run only for requests of its own length", () => {
  const { one } = twoWorkers();
  const block = one.alloc(3 * BLOCK);
  assert(one.free(block));
  for (const length of [2, 4]) assert(one.alloc(length * BLOCK) !== block);
  assertEquals(one.alloc(2 * BLOCK + 1), block);
});

test("run cache - keeps no more runs of a length than there are entries for", () => {
  const { one } = twoWorkers({ blocks: 4000, cachedBlocks: 1000 });
  const runs = Array.from({ length: RUN_ENTRIES + 3 }, () => one.alloc(2 * BLOCK));
  freeAll(one, runs);
  assertEquals(one.stats().cachedBlocks, 2 * RUN_ENTRIES);
  one.check();
});

/** How many blocks a worker has cached, according to the block table. */
function cachedBy({ region, number }: SimWorker): number {
  const { table } = region;
  const own = runsOf(region).filter(({ first, length, state }) => {
    return isCachedAs(state, length) && workerOf(table.tag(first)) === number;
  });
  return own.reduce((sum, { length }) => sum + length, 0);
}

test("run cache - together with single blocks, a worker never caches more than cachedBlocks", () => {
  const step = fc.tuple(fc.boolean(), fc.boolean(), fc.integer({ min: 1, max: 10 }));
  forAll(100, fc.array(step, { minLength: 50, maxLength: 300, size: "max" }), (steps) => {
    const { one, two } = twoWorkers();
    const held: number[] = [];
    for (const [first, frees, number] of steps) {
      const worker = first ? one : two;
      if (frees && held.length > 0) assert(worker.free(held.splice(number % held.length, 1)[0]!));
      else held.push(worker.alloc(number * BLOCK));
      for (const each of [one, two]) assert(cachedBy(each) <= SHAPE.cachedBlocks);
    }
    one.check();
    two.check();
  });
});

test("run cache - leaves a quarter of the room for single blocks", () => {
  const { one } = twoWorkers();
  const runs = SHORT_LENGTHS.flatMap((length) => [0, 1, 2].map(() => one.alloc(length * BLOCK)));
  freeAll(one, runs);
  assert(cachedBy(one) <= SHAPE.cachedBlocks * 3 / 4);
  const singles = Array.from({ length: 100 }, () => one.alloc(1));
  const freed = locksTaken(one, () => {
    for (const block of singles.slice(0, SHAPE.cachedBlocks / 4)) assert(one.free(block));
  });
  assert(freed <= 1, `the lock was taken ${freed} times`);
});

/**
 * Frees runs of every short length until this worker's cache takes no more of them, and takes one, so that they are not
 * idle.
 */
function fillWithRuns(worker: SimWorker): void {
  const runs = SHORT_LENGTHS.flatMap((length) => [0, 1, 2].map(() => worker.alloc(length * BLOCK)));
  freeAll(worker, runs);
  freeAll(worker, [worker.alloc(2 * BLOCK)]);
  assert(cachedBy(worker) > SHAPE.cachedBlocks / 2);
}

/** Allocates single blocks until a refill takes the lock. */
function refill(worker: SimWorker): void {
  while (locksTaken(worker, () => worker.alloc(1)) === 0);
}

function runsKept({ region }: SimWorker): number {
  return runsOf(region).filter(({ state }) => state === CACHED_RUN).length;
}

for (const [what, act] of [["refill", refill], ["flush", freeAll]] as const) {
  test(`run cache - gives its room to single blocks if no run was taken between a refill and a ${what}`, () => {
    const { one } = twoWorkers();
    const singles = Array.from({ length: 2 * SHAPE.cachedBlocks }, () => one.alloc(1));
    fillWithRuns(one);
    const kept = runsKept(one);
    refill(one);
    assertEquals(runsKept(one), kept, "a run was taken since the last refill");
    act(one, singles);
    assertEquals(runsKept(one), 0);
    const blocks = Array.from(singles, () => one.alloc(1));
    const taken = locksTaken(one, () => freeAll(one, blocks));
    assert(taken <= 4, `the lock was taken ${taken} times, with room for half a cache each time`);
    one.check();
  });
}

test("run cache - keeps its runs, however many single blocks are used, if one is taken between two refills", () => {
  const { one } = twoWorkers();
  fillWithRuns(one);
  const kept = runsKept(one);
  for (let round = 0; round < 10; round++) {
    refill(one);
    assert(one.free(one.alloc(2 * BLOCK)));
    assertEquals(runsKept(one), kept);
  }
  one.check();
});

for (const plain of [true, false]) {
  const how = plain ? "plain claims" : "claims by exchange";

  test(`run cache - another worker gets its runs when the pool is exhausted, ${how}`, () => {
    const { one, two } = twoWorkers({ blocks: 8, cachedBlocks: 8 });
    if (!plain) one.region.header[PLAIN_CLAIMS] = 0;
    const [left, right] = [one.alloc(3 * BLOCK), one.alloc(3 * BLOCK)];
    const rest = one.alloc(2 * BLOCK);
    assert(one.free(left) && one.free(right));
    assertEquals(cachedBy(one), 6);
    assertEquals(two.alloc(6 * BLOCK), left, "coalesced");
    one.check();
    // Stale entries are skipped.
    assertEquals(one.alloc(3 * BLOCK), NONE);
    assert(two.free(left) && one.free(rest));
    assertEquals(one.alloc(8 * BLOCK), 0);
    one.check();
  });

  test(`run cache - another worker gets single blocks from its runs when the pool is exhausted, ${how}`, () => {
    const { one, two } = twoWorkers({ blocks: 6, cachedBlocks: 6 });
    if (!plain) one.region.header[PLAIN_CLAIMS] = 0;
    assert(one.free(one.alloc(3 * BLOCK)));
    const blocks = Array.from({ length: 7 }, () => two.alloc(1));
    assertEquals(new Set(blocks.slice(0, 6)).size, 6);
    assertEquals(blocks[6], NONE);
    two.check();
  });
}

test("run cache - a recall leaves a run alone that its worker is taking", () => {
  const { one, two } = twoWorkers({ blocks: 8, cachedBlocks: 8 });
  const block = one.alloc(3 * BLOCK);
  assert(one.free(block));
  const claim = slotWord(one.slot) + SLOT_CLAIM;
  one.region.header[claim] = block;
  assertEquals(two.alloc(8 * BLOCK), NONE);
  assertEquals(stateAt(one, block), CACHED_RUN);
  one.region.header[claim] = NONE;
  assertEquals(two.alloc(8 * BLOCK), 0);
});

test("run cache - the runs of a dead worker are found, and counted, when the pool is exhausted", () => {
  const { memory, one, two } = twoWorkers({ blocks: 8, cachedBlocks: 8 });
  assert(one.free(one.alloc(3 * BLOCK)));
  // As if the worker had died before it stored the entry.
  one.region.header[slotWord(one.slot) + SLOT_RUN_TOPS + 1] = 0;
  memory.living.delete(one.thread);
  assertEquals(two.alloc(8 * BLOCK), 0);
  assertEquals([two.region.slots.cachedBlocks(), two.stats().cachedBlocks], [0, 0]);
});

test("run cache - a stale entry whose block is cached again with another length is not used", () => {
  const { one, two } = twoWorkers({ blocks: 6, cachedBlocks: 6 });
  assertEquals(one.alloc(2 * BLOCK), 0);
  assert(one.free(0));
  assertEquals(two.alloc(6 * BLOCK), 0, "recalled");
  assert(two.free(0));
  assertEquals(one.alloc(4 * BLOCK), 0);
  assert(one.free(0));
  assertEquals([stateAt(one, 0), one.region.table.length(0)], [CACHED_RUN, 4]);
  assertEquals(one.alloc(2 * BLOCK), 4);
  assertEquals(one.alloc(4 * BLOCK), 0);
  one.check();
});

test("run cache - a cached run cannot be freed or resized again", () => {
  const { one, two } = twoWorkers();
  const block = one.alloc(4 * BLOCK);
  assert(one.free(block));
  assertFalse(one.free(block));
  assertFalse(two.free(block));
  assertEquals(one.allocator.freeMany([block]), 0);
  assertEquals(two.resize(block, 2 * BLOCK), NOT_ALLOCATED);
  two.check();
});

test("run cache - if another worker frees a run by mistake while it is resized, realloc returns another run", () => {
  for (const length of [1, 3, 5, 20]) {
    const { one, two } = twoWorkers();
    const block = one.alloc(4 * BLOCK);
    once(one.region.runs, "resize", "before", () => assert(two.allocator.runCache.give(block)));
    const other = one.resize(block, length * BLOCK);
    assert(other >= block + 4);
    assertEquals([stateAt(one, block), one.region.table.length(block)], [CACHED_RUN, 4]);
    const { allocs, frees, allocatedBlocks } = one.stats();
    assertEquals([allocs, frees, allocatedBlocks], [2, 1, length]);
    one.check();
    two.check();
  }
});

test("run cache - does not take a run that another worker is resizing", () => {
  const { one, two } = twoWorkers();
  const block = one.alloc(4 * BLOCK);
  once(one.region.table, "claim", "after", () => assertFalse(two.allocator.runCache.give(block)));
  assertEquals(one.resize(block, 6 * BLOCK), block);
  assert(two.free(block));
  one.check();
});

test("run cache - a run that is resized just before it is cached becomes free, with its new length", () => {
  const memory = SimMemory.make(SHAPE);
  const one = SimWorker.attach(memory);
  const mapping = memory.mappingFor(2, memory.words);
  const backing: Backing = {
    native: memory,
    meta: memory.meta,
    data: memory.data,
    mappingFor: () => mapping,
    threadFor: (number) => memory.threadFor(number),
  };
  const two = SimWorker.attach(backing);
  const block = one.alloc(4 * BLOCK);
  once(mapping, "exchange", "before", () => assertEquals(one.resize(block, 2 * BLOCK), block));
  assert(two.free(block));
  assertEquals(stateAt(one, block), FREE);
  one.check();
  two.check();
});

test("run cache - works without a barrier, where all claims are exchanges", () => {
  const { memory, one } = twoWorkers();
  one.region.header[HAS_BARRIER] = one.region.header[PLAIN_CLAIMS] = 0;
  const careful = one.over(memory);
  const block = careful.alloc(5 * BLOCK);
  assert(careful.free(block));
  assertEquals(careful.alloc(5 * BLOCK), block);
});

test("run cache - is not used while a request waits, nor in a destroyed pool", () => {
  for (const state of [AWAITED, DESTROYED]) {
    const { one } = twoWorkers();
    const [kept, held] = [one.alloc(3 * BLOCK), one.alloc(3 * BLOCK)];
    assert(one.free(kept));
    one.region.header[STATE] = state;
    assertEquals(one.allocator.runCache.take(3 * BLOCK), NONE);
    assertFalse(one.allocator.runCache.give(held));
    assertEquals([stateAt(one, kept), stateAt(one, held)], [CACHED_RUN, ALLOCATED_SHORT]);
    one.region.header[STATE] = LIVE;
    one.check();
  }
});

test("run cache - a run whose words contradict each other is refused and stays allocated", () => {
  const { one } = twoWorkers();
  const block = one.alloc(3 * BLOCK);
  one.region.table.set(block, REQUESTED_LOW, 1);
  const refusal = `The pool is corrupt (invariant I7): the run of length 3 at block ${block} claims to hold 1 bytes`;
  assertRefused(() => one.free(block), "corrupt", refusal);
  assertEquals(stateAt(one, block), ALLOCATED_SHORT);
});

test("run cache - calloc zeroes a cached run", () => {
  const { memory, one } = twoWorkers();
  const block = one.alloc(3 * BLOCK);
  memory.data.fill(7, block * BLOCK, (block + 3) * BLOCK);
  assert(one.free(block));
  assertEquals(one.allocZeroed(3 * BLOCK), block);
  assertEquals(memory.data.subarray(block * BLOCK, (block + 3) * BLOCK), new Uint8Array(3 * BLOCK));
});

test("run cache - its runs become free when its worker leaves, or is reaped after its death", () => {
  for (const dies of [false, true]) {
    const { memory, one, two } = twoWorkers();
    for (const length of [2, 3]) assert(one.free(one.alloc(length * BLOCK)));
    if (dies) memory.living.delete(one.thread);
    else one.allocator.leave();
    assertEquals(two.allocator.reap(), dies ? 5 : 0);
    const { freeBlocks, allocs, frees, largestFreeRun } = two.stats();
    assertEquals([freeBlocks, allocs, frees, largestFreeRun], [SHAPE.blocks, 2, 2, SHAPE.blocks]);
    two.check();
  }
});
