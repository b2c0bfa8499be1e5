/** The depot: single free blocks in bits, which come out in order of address. */

import { assert, assertEquals } from "@std/assert";
import { CACHED, DEPOT_COUNT, depotLevels, depotWord, NONE, TAG } from "../../src/region/layout.ts";
import { IN_DEPOT, makeTag } from "../../src/region/block_table.ts";
import type { Region } from "../../src/region/region.ts";
import { test } from "../support/harness.ts";
import { assertRefused } from "../support/pool.ts";
import { take } from "../support/plain.ts";
import { sequenceFrom } from "../support/sequence.ts";
import { SimMemory, SimWorker } from "../support/simulation.ts";
import { populate, POPULATED_SHAPE } from "./_populated_pool.ts";
import { Scenario } from "./_operations.ts";

const TAKEN = makeTag(CACHED, 1);

/** A region with this many blocks, all handed out. */
function fullRegion(blocks: number): Region {
  const { region } = SimWorker.attach(SimMemory.make({ blocks, cachedBlocks: 4 }));
  for (let block = 0; block < blocks; block++) assertEquals(take(region, 1), block);
  return region;
}

/** Takes up to so many blocks out of the depot. */
function takeOut({ depot, table }: Region, most: number): number[] {
  const words = new Int32Array(most);
  const count = depot.copyTo(words, 0, most);
  const blocks = [...words.subarray(0, count)];
  for (const block of blocks) {
    depot.remove(block);
    table.set(block, TAG, TAKEN);
  }
  return blocks;
}

test("depot - blocks come out in order of address, whatever the order in which they came in", () => {
  const blocks = 70_000; // more than two words of the upper level stand for
  const region = fullRegion(blocks);
  const draw = sequenceFrom(1);
  const inside = new Set<number>();
  const outside = new Set(Array.from({ length: blocks }, (_, block) => block));
  for (let round = 0; round < 30; round++) {
    const span = [50, 3000, blocks][round % 3]!;
    for (let times = draw(2000); times > 0; times--) {
      const block = (draw(span) + round * 2311) % blocks;
      if (!outside.delete(block)) continue;
      region.depot.push(block);
      inside.add(block);
    }
    assertEquals(region.depot.count, inside.size);
    const expected = [...inside].sort((a, b) => a - b).slice(0, draw(1500));
    assertEquals(takeOut(region, expected.length), expected);
    for (const block of expected) {
      inside.delete(block);
      outside.add(block);
    }
  }
  assertEquals(takeOut(region, blocks).length, inside.size);
  assertEquals([region.depot.count, region.depot.firstFrom(0)], [0, NONE]);
  const [words, middle, upper] = depotLevels(blocks);
  const start = depotWord(blocks, 4);
  assert(region.meta.subarray(start, start + words + middle + upper).every((word) => word === 0), "all bits are off");
});

test("depot - finds blocks that lie side by side, across words", () => {
  const region = fullRegion(3000);
  const { depot } = region;
  for (const [first, count] of [[0, 1], [31, 2], [100, 64], [1023, 2], [2999, 1]] as const) {
    for (let block = first + count - 1; block >= first; block--) depot.push(block);
  }
  const found: [number, number][] = [];
  for (let first = depot.firstFrom(0); first !== NONE; first = depot.firstFrom(first)) {
    const count = depot.lengthAt(first);
    for (let block = first; block < first + count; block++) depot.remove(block);
    found.push([first, count]);
  }
  assertEquals(found, [[0, 1], [31, 2], [100, 64], [1023, 2], [2999, 1]]);
  assertEquals(depot.count, 0);
});

test("depot - a run is made of its blocks when one is needed, and what is left stays free", () => {
  const memory = SimMemory.make({ blocks: 64, cachedBlocks: 8 });
  const one = SimWorker.attach(memory);
  const held = Array.from({ length: 64 }, () => one.alloc(1)).sort((a, b) => a - b);
  for (const block of held.filter((block) => block % 8 !== 0)) assert(one.free(block));
  assert(one.region.depot.count > 8, `${one.region.depot.count} blocks are in the depot`);
  const length = 7;
  const runs = Array.from({ length: 8 }, () => one.alloc(length * one.region.blockSize));
  assertEquals(runs.toSorted((a, b) => a - b), held.filter((block) => block % 8 === 0).map((block) => block + 1));
  assertEquals([one.region.depot.count, one.alloc(1)], [0, NONE]);
  one.check();
});

test("depot - a bit whose block has another tag is refused, and the block is not handed out", () => {
  const { two, live } = new Scenario();
  const { header, depot, table } = two.region;
  while (two.allocator.cache.take(1) !== NONE);
  takeOutAll(two.region);
  const { block } = live[0]!;
  const tag = table.tag(block);
  table.set(block, TAG, IN_DEPOT);
  depot.push(block);
  table.set(block, TAG, tag);
  assertEquals(header[DEPOT_COUNT], 1);
  const refusal = `The pool is corrupt (invariant I11): the depot holds block ${block}, whose tag says otherwise`;
  assertRefused(() => two.alloc(1), "corrupt", refusal);
  assertEquals(table.tag(block), tag);
});

function takeOutAll(region: Region): void {
  takeOut(region, region.depot.count);
}

test("check - I11: bits and tags of the depot that contradict each other", () => {
  const { region, check } = populated();
  const { header, table, depot } = region;
  const block = depot.firstFrom(0);
  depot.remove(block);
  header[DEPOT_COUNT]!++;
  assertEquals(table.tag(block), IN_DEPOT);
  const { count } = depot;
  const refusal = `the depot has bits for ${count - 1} blocks and claims to hold ${count}`;
  assertRefused(check, "corrupt", `The pool is corrupt (invariant I11): ${refusal}`);
});

function populated(): { region: Region; check: () => void } {
  const [one] = populate(SimMemory.make(POPULATED_SHAPE)).workers as [SimWorker];
  return { region: one.region, check: () => one.check() };
}
