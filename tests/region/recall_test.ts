/**
 * Recalling what other workers have cached, at chosen interleavings: three workers in one thread share a region over
 * plain memory, and a hook lets one act when another has come to a given step.
 */

import { assertEquals } from "@std/assert";
import type { Allocator } from "../../src/allocator/allocator.ts";
import type { Mapping, Native } from "../../src/runtime/native.ts";
import { settingsFrom } from "../../src/options.ts";
import { CACHED, FREE, NONE, TAG } from "../../src/region/layout.ts";
import { makeTag } from "../../src/region/block_table.ts";
import { formatRegion, type Region } from "../../src/region/region.ts";
import { NO_HOOKS } from "../../src/allocator/hooks.ts";
import { test } from "../support/harness.ts";
import { once } from "../support/once.ts";
import { allocate, plainWorker } from "../support/plain.ts";

const BLOCKS = 4;

interface SharedRegion {
  readonly region: Region;
  readonly mapping: Mapping;
  /** Worker 1 in slot 0, worker 2 in slot 1, worker 3 in slot 2. */
  readonly workers: readonly [Allocator, Allocator, Allocator];
}

/** A region of four free blocks with three workers. */
function threeWorkers(plainClaims: boolean, barrier = () => true): SharedRegion {
  const settings = settingsFrom(BLOCKS * 64, 64, { cachedBlocks: BLOCKS });
  const region = formatRegion(new ArrayBuffer(settings.metaBytes), settings, plainClaims);
  const native = { barrier, alive: () => true } as Partial<Native> as Native;
  const mapping = {
    lock: () => 0,
    unlock: () => {},
    move: () => {},
    exchange: (word: number, expected: number, other: number) =>
      Atomics.compareExchange(region.meta, word, expected, other),
  } as Partial<Mapping> as Mapping;
  const join = (worker: number): Allocator => plainWorker(native, mapping, region, worker);
  return { region, mapping, workers: [join(1), join(2), join(3)] };
}

/** Calls `meanwhile` when a recall reaches this slot, before it looks at the cache there. */
function whenRecallReaches(region: Region, slot: number, meanwhile: () => void): void {
  const { slots } = region;
  const worker = slots.worker.bind(slots);
  let reached = false;
  Object.defineProperty(slots, "worker", {
    value: (asked: number) => {
      if (asked === slot && !reached) {
        reached = true;
        meanwhile();
      }
      return worker(asked);
    },
  });
}

for (const plainClaims of [true, false]) {
  const how = plainClaims ? "claims by plain stores" : "claims by exchange";

  test(`recall - finds a block freed into a cache it has passed, while one is taken from a later cache, ${how}`, () => {
    const { region, workers: [one, two, three] } = threeWorkers(plainClaims);
    assertEquals([allocate(three, 1), allocate(one, 1), allocate(two, 1), allocate(two, 1)], [0, 1, 2, 3]);
    assertEquals([two.cache.give(2), two.cache.give(3)], [true, true]);
    // Two adjacent blocks are free at every moment: 2 and 3, then 1 to 3, then 1 and 2.
    whenRecallReaches(region, 1, () => assertEquals([one.cache.give(1), two.cache.take(1)], [true, 3]));
    assertEquals(allocate(three, 2 * 64), 1);
  });

  test(`recall - by allocMany, finds a block that is freed into a cache it has passed, ${how}`, () => {
    const { region, workers: [one, two, three] } = threeWorkers(plainClaims);
    assertEquals([allocate(three, 1), allocate(one, 1), allocate(two, 1), allocate(two, 1)], [0, 1, 2, 3]);
    assertEquals([two.cache.give(2), two.cache.give(3)], [true, true]);
    whenRecallReaches(region, 1, () => assertEquals([one.cache.give(1), two.cache.take(1)], [true, 3]));
    assertEquals(three.allocateMany(2, 1), Int32Array.of(1, 2));
  });

  test(`recall - realloc moves down into a free block that another worker takes and frees meanwhile, ${how}`, () => {
    const { region, mapping, workers: [one, two, three] } = threeWorkers(plainClaims);
    assertEquals([allocate(three, 1), allocate(one, 1), allocate(two, 1), allocate(two, 1)], [0, 1, 2, 3]);
    three.leave();
    three.freeUncounted(0);
    assertEquals(region.lists.find(1), 0);
    // Worker two acts when the first critical section ends. Two adjacent blocks are free or cached all the time.
    once(mapping, "unlock", "after", () => {
      const block = allocate(two, 1);
      if (block !== NONE) assertEquals(two.cache.give(block), true);
    });
    assertEquals(one.resize(1, 128, NO_HOOKS), 0);
  });

  test(`recall - takes a cached block that its worker once failed to take, ${how}`, () => {
    const { region, workers: [one, two, three] } = threeWorkers(plainClaims);
    assertEquals([allocate(two, 1), allocate(one, 1), allocate(one, 1), allocate(one, 1)], [0, 1, 2, 3]);
    assertEquals(two.cache.give(0), true);
    // Another recalls it. This worker does not get the lock, under which it would look again; later the block comes
    // back.
    region.table.set(0, TAG, FREE);
    assertEquals(two.cache.take(1), NONE);
    region.table.set(0, TAG, makeTag(CACHED, 2));
    assertEquals(allocate(three, 1), 0);
  });
}

test("recall - ends if the system refuses the barrier, whatever other workers free and take meanwhile", () => {
  let tries = 0; // the refill tries once, and the recall after it
  const { workers: [one, two, three] } = threeWorkers(true, () => {
    if (++tries > 2) throw new Error("tried again");
    assertEquals([one.cache.give(0), one.cache.take(1)], [true, 0]);
    return false;
  });
  assertEquals([allocate(one, 1), allocate(two, 1), allocate(two, 1), allocate(two, 1)], [0, 1, 2, 3]);
  assertEquals(allocate(three, 1), NONE);
});
