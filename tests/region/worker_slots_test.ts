/**
 * Breaks the invariants of worker slots, caches and depot on purpose, in a pool with several workers; `check` must name
 * them.
 */

import {
  ALLOCATED,
  BIAS_TAG,
  CACHED,
  CACHED_BLOCKS,
  cacheWord,
  NEXT_WORKER,
  SLOT_COUNT,
  SLOT_FREEING,
  SLOT_SWEPT,
  SLOT_TOP,
  SLOT_WORKER,
  SLOTS_USED,
  TAG,
} from "../../src/region/layout.ts";
import { slotWord } from "../../src/region/worker_slots.ts";
import { makeTag } from "../../src/region/block_table.ts";
import { test } from "../support/harness.ts";
import { assertRefused } from "../support/pool.ts";
import { populate, POPULATED_SHAPE } from "./_populated_pool.ts";
import { SimMemory, type SimWorker } from "../support/simulation.ts";

/**
 * Registers a test that corrupts a populated pool by `damage`; worker two, whose slot is 1, must report this invariant
 * with this detail.
 */
function testBroken(invariant: string, situation: string, detail: string, damage: (two: SimWorker) => void): void {
  test(`check - ${invariant}: ${situation}`, () => {
    const memory = SimMemory.make(POPULATED_SHAPE);
    const [, two] = populate(memory).workers as [SimWorker, SimWorker];
    two.check();
    damage(two);
    assertRefused(() => two.check(), "corrupt", `The pool is corrupt (invariant ${invariant}): ${detail}`);
  });
}

/** The same for one word of a slot: `place` is [slot, word, value]. */
function testBrokenSlot(invariant: string, situation: string, place: readonly number[], detail: string): void {
  const [slot, word, value] = place as [number, number, number];
  testBroken(invariant, situation, detail, ({ region: { header } }) => header[slotWord(slot) + word] = value);
}

testBroken(
  "I13",
  "a next worker number that no worker can have",
  "the number of the next worker is 0",
  ({ region: { header } }) => {
    header[NEXT_WORKER] = 0;
  },
);
testBroken("I13", "a next worker number that is in use", "slot 2 of 5 has worker 3", ({ region: { header } }) => {
  header[NEXT_WORKER] = 3;
});
testBroken(
  "I13",
  "more used slots than there are slots",
  `the number of used slots is ${SLOT_COUNT + 1}`,
  ({ region: { header } }) => {
    header[SLOTS_USED] = SLOT_COUNT + 1;
  },
);
testBroken("I13", "a worker past the used slots", "slot 3 of 3 has worker 4", ({ region: { header } }) => {
  header[SLOTS_USED] = 3;
});
testBrokenSlot(
  "I13",
  "a slot that names another worker",
  [2, SLOT_WORKER, 7],
  "slot 2 names worker 7 and thread 3, but its checksum is wrong",
);
testBrokenSlot(
  "I13",
  "a slot that claims to be swept of another worker",
  [2, SLOT_SWEPT, 1],
  "slot 2 claims to be swept of worker -2",
);
testBroken(
  "I13",
  "a biased worker that is not the only one",
  "the pool is biased towards tag 20, but has 5 workers",
  (two) => {
    two.region.header[BIAS_TAG] = makeTag(CACHED, 1);
  },
);
testBrokenSlot(
  "I13",
  "the worker that checks claims to be in the middle of a free",
  [1, SLOT_FREEING, 1],
  "worker 2, which runs the check, claims to be in the middle of a free",
);
testBroken(
  "I13",
  "a block of a worker that never existed",
  "block 1 claims to belong to worker 99",
  ({ region: { table } }) => table.set(1, TAG, makeTag(ALLOCATED, 99)),
);

testBrokenSlot(
  "I14",
  "a cache that claims to hold more than it has room for",
  [2, SLOT_TOP, POPULATED_SHAPE.cachedBlocks + 1],
  "the cache of slot 2 claims to hold 9 blocks",
);
testBroken(
  "I14",
  "an entry that is not the number of a block",
  "the cache of slot 2 holds block 5000",
  ({ region: { header, meta } }) => {
    meta[cacheWord(2, header[CACHED_BLOCKS]!)] = 5000;
  },
);

test("check - I14: a cached block without an entry", () => {
  const [one] = populate(SimMemory.make(POPULATED_SHAPE)).workers as [SimWorker];
  one.check();
  const { header, meta } = one.region;
  const top = --header[slotWord(one.slot) + SLOT_TOP]!;
  const block = meta[cacheWord(one.slot, header[CACHED_BLOCKS]!) + top];
  const refusal = `The pool is corrupt (invariant I14): block ${block} is cached by worker 1 without an entry`;
  assertRefused(() => one.check(), "corrupt", refusal);
});
