/** Invariants of worker slots, caches and depot broken on purpose, in a pool where several workers are: `check` names them. */

import { assertEquals } from "@std/assert";
import {
  ALLOCATED,
  BIAS_TAG,
  CACHED,
  CACHED_BLOCKS,
  cacheWord,
  NEXT_WORKER,
  NONE,
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
import { BLOCK, Play } from "./_plays.ts";
import { assertRefused } from "../support/pool.ts";
import { enrich, RICH } from "./_rich.ts";
import { SimMemory, type SimWorker } from "../support/simulation.ts";

/** A test: what `damage` does is found when the second worker looks. Its slot is 1, the fifth has left. */
function testBroken(invariant: string, situation: string, detail: string, damage: (one: SimWorker) => void): void {
  test(`check - ${invariant}: ${situation}`, () => {
    const memory = SimMemory.make(RICH);
    const [, two] = enrich(memory).workers as [SimWorker, SimWorker];
    two.check();
    damage(two);
    assertRefused(() => two.check(), "corrupt", `The pool is corrupt (invariant ${invariant}): ${detail}`);
  });
}

/** The same for one word of a slot. */
function testBrokenSlot(invariant: string, situation: string, place: readonly number[], detail: string): void {
  const [slot, word, value] = place as [number, number, number];
  testBroken(invariant, situation, detail, ({ region: { header } }) => header[slotWord(slot) + word] = value);
}

testBroken("I13", "a next worker that is none", "the number of the next worker is 0", ({ region: { header } }) => {
  header[NEXT_WORKER] = 0;
});
testBroken("I13", "numbers of workers that start anew", "slot 2 of 5 has worker 3", ({ region: { header } }) => {
  header[NEXT_WORKER] = 3;
});
testBroken(
  "I13",
  "more slots than there are",
  `the number of used slots is ${SLOT_COUNT + 1}`,
  ({ region: { header } }) => {
    header[SLOTS_USED] = SLOT_COUNT + 1;
  },
);
testBroken("I13", "a worker past the slots in use", "slot 3 of 3 has worker 4", ({ region: { header } }) => {
  header[SLOTS_USED] = 3;
});
testBrokenSlot(
  "I13",
  "another worker in a slot",
  [2, SLOT_WORKER, 7],
  "slot 2 names worker 7 and thread 3, but its checksum is wrong",
);
testBrokenSlot("I13", "a worker swept that lives", [2, SLOT_SWEPT, 1], "slot 2 claims to be swept of worker -2");
testBroken("I13", "an only worker among several", "the pool is biased towards tag 20, but has 5 workers", (two) => {
  two.region.header[BIAS_TAG] = makeTag(CACHED, 1);
});
testBrokenSlot(
  "I13",
  "a free under way, by who looks",
  [1, SLOT_FREEING, 1],
  "worker 2, which runs the check, claims to be in the middle of a free",
);
testBroken(
  "I13",
  "a block of a worker that never was",
  "block 1 claims to belong to worker 99",
  ({ region: { table } }) => table.set(1, TAG, makeTag(ALLOCATED, 99)),
);

testBrokenSlot(
  "I14",
  "a cache that holds more than it can",
  [2, SLOT_TOP, RICH.cachedBlocks + 1],
  "the cache of slot 2 claims to hold 9 blocks",
);
testBroken(
  "I14",
  "an entry that is no block",
  "the cache of slot 2 holds block 5000",
  ({ region: { header, meta } }) => {
    meta[cacheWord(2, header[CACHED_BLOCKS]!)] = 5000;
  },
);

test("check - I14: a cached block without an entry", () => {
  const [one] = enrich(SimMemory.make(RICH)).workers as [SimWorker];
  one.check();
  const { header, meta } = one.region;
  const top = --header[slotWord(one.slot) + SLOT_TOP]!;
  const block = meta[cacheWord(one.slot, header[CACHED_BLOCKS]!) + top];
  const refusal = `The pool is corrupt (invariant I14): block ${block} is cached by worker 1 without an entry`;
  assertRefused(() => one.check(), "corrupt", refusal);
});

test("depot - an entry that leads to a block of somebody's is refused, and nothing is handed out", () => {
  const { two, memory: { words }, live } = new Play();
  const { header, depot, table } = two.region;
  while (two.allocator.cache.take(1) !== NONE);
  const { block } = live.find(({ bytes }) => bytes <= BLOCK)!;
  words[cacheWord(SLOT_COUNT, header[CACHED_BLOCKS]!) + depot.top - 1] = block;
  const tag = table.tag(block);
  const refusal = `The pool is corrupt (invariant I11): the depot holds block ${block}, whose tag says otherwise`;
  assertRefused(() => two.alloc(1), "corrupt", refusal);
  assertEquals(table.tag(block), tag);
});

test("check - I11: a block that is in the depot twice", () => {
  const [one] = enrich(SimMemory.make(RICH)).workers as [SimWorker];
  const { header, meta, depot } = one.region;
  const entries = cacheWord(SLOT_COUNT, header[CACHED_BLOCKS]!);
  meta[entries + 1] = depot.at(0);
  const refusal = `The pool is corrupt (invariant I11): the depot holds block ${depot.at(0)} twice`;
  assertRefused(() => one.check(), "corrupt", refusal);
});
