/**
 * Models a program error: a worker frees a block that another worker holds, in the middle of a call of that worker. The
 * free lists must stay intact, and the block must be either freed or allocated, and counted so.
 */

import { assert, assertEquals } from "@std/assert";
import type { Allocator } from "../../src/allocator/allocator.ts";
import { checkInvariants } from "../../src/diagnostics/invariants.ts";
import type { Mapping, Native } from "../../src/runtime/native.ts";
import { settingsFrom } from "../../src/options.ts";
import { NO_HOOKS } from "../../src/allocator/hooks.ts";
import { NOT_ALLOCATED } from "../../src/allocator/resize.ts";
import { formatRegion, type Region } from "../../src/region/region.ts";
import { collectStats } from "../../src/diagnostics/stats.ts";
import { test } from "../support/harness.ts";
import { allocate, plainWorker, take } from "../support/plain.ts";
import { once } from "../support/once.ts";

const BLOCKS = 4;

/** A region with two workers. `meanwhile` sets what happens right after the next exchange. */
function twoWorkers(
  blocks = BLOCKS,
): { region: Region; meanwhile: (act: () => void) => void; one: Allocator; two: Allocator } {
  const settings = settingsFrom(blocks * 64, 64, { cachedBlocks: blocks });
  const region = formatRegion(new ArrayBuffer(settings.metaBytes), settings, false);
  let next: (() => void) | undefined;
  const exchange = (word: number, expected: number, replacement: number): number => {
    const was = Atomics.compareExchange(region.meta, word, expected, replacement);
    const act = next;
    next = undefined;
    act?.();
    return was;
  };
  const mapping = { lock: () => 0, unlock: () => {}, zero: () => {}, move: () => {}, exchange } as unknown as Mapping;
  const native = { alive: () => true, barrier: () => true } as unknown as Native;
  const join = (): Allocator => plainWorker(native, mapping, region, region.slots.nextWorker());
  return { region, meanwhile: (act) => next = act, one: join(), two: join() };
}

test("wrong free - of a block that its worker is taking by exchange: refused, because it is not allocated yet", () => {
  const { region, meanwhile, one, two } = twoWorkers();
  const block = allocate(one, 64);
  one.free(block);
  for (let i = 1; i < BLOCKS; i++) allocate(two, 1);
  let freed: boolean | undefined;
  meanwhile(() => {
    freed = two.free(block);
    checkInvariants(region);
    two.leave();
  });
  assertEquals([one.cache.take(64), freed], [block, false]);
  checkInvariants(region);
  assertEquals([one.free(block), region.table.requested(block)], [true, 64]);
  checkInvariants(region);
});

test("wrong free - of a block that is being resized: the block is freed, and no list is overwritten", () => {
  const { region, one, two } = twoWorkers();
  const block = allocate(one, 64);
  const set = region.table.setRequested.bind(region.table);
  let freed: boolean | undefined;
  region.table.setRequested = (at, bytes) => {
    // The worker that resizes holds the lock, so another worker can only free the block into its cache.
    if (freed === undefined) freed = two.cache.give(block);
    set(at, bytes);
  };
  assertEquals([one.resize(block, 10, NO_HOOKS), freed], [block, true]);
  two.leave();
  checkInvariants(region);
  assertEquals(one.free(block), false, "the block is free");
});

/** Methods of the block table that are called when the single block 0 grows to two blocks. */
const MOMENTS = ["loadTag", "exchangeTag", "set", "length", "setRequested"] as const;

for (const moment of MOMENTS) {
  for (const when of ["before", "after"] as const) {
    test(`wrong free - ${when} ${moment} while the block grows in place: the block is freed or allocated`, () => {
      const { region, one, two } = twoWorkers();
      assertEquals(allocate(one, 64), 0);
      let freed: boolean | undefined;
      once(region.table, moment, when, () => freed = two.cache.give(0));
      const target = one.resize(0, 128, NO_HOOKS);
      assert(freed !== undefined, "nothing was freed: the test tests nothing");
      checkInvariants(region);
      two.leave();
      checkInvariants(region);
      const { allocatedBlocks, cachedBlocks, allocs, frees } = collectStats(region);
      assertEquals({ allocatedBlocks, cachedBlocks }, { allocatedBlocks: target < 0 ? 0 : 2, cachedBlocks: 0 });
      assertEquals(allocs - frees, target < 0 ? 0 : 1);
    });
  }
}

test("wrong free - of a block whose neighbours realloc has searched: realloc refuses, and no neighbour changes", () => {
  const { region, one, two } = twoWorkers(8);
  for (let block = 0; block < 8; block++) assertEquals(allocate(block === 5 ? one : two, 64), block);
  // After the recall they are one free run, and the word LENGTH of its last block holds the first block, which is no
  // length.
  once(region.lists, "find", "before", () => assertEquals([two.cache.give(4), two.cache.give(5)], [true, true]));
  assertEquals(one.resize(5, 3 * 64, NO_HOOKS), NOT_ALLOCATED);
  checkInvariants(region);
  assertEquals(take(region, 2), 4);
  assertEquals([0, 1, 2, 3, 6, 7].map((block) => two.free(block)), Array(6).fill(true));
});
