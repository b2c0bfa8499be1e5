/**
 * Contested cache lines: lines of the block table that hold descriptors of blocks of several workers, so that their
 * processors wait for each other. The free runs prefer to give a worker blocks whose lines no other worker writes, and
 * the depot gives neighbours to one worker.
 */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { ALLOCATED, CACHED, FREE, LINE_BLOCKS, NONE, ORPHAN, TAG } from "../../src/region/layout.ts";
import { IN_DEPOT, makeTag, workerOf } from "../../src/region/block_table.ts";
import { test } from "../support/harness.ts";
import { give, plainRegion, take } from "../support/plain.ts";
import { sequenceFrom } from "../support/sequence.ts";
import { SimMemory, SimWorker } from "../support/simulation.ts";

const ONE = 1;
const TWO = 2;

test("isContested - is true in cache lines in which another worker has a block", () => {
  const { table } = plainRegion(2 * LINE_BLOCKS + 1);
  for (let block = 0; block < table.blockCount; block++) table.set(block, TAG, FREE);
  const inFirst = [0, 1, 2, 3];
  for (const tag of [FREE, IN_DEPOT, makeTag(ALLOCATED, ONE), makeTag(CACHED, ONE), makeTag(ALLOCATED, ORPHAN)]) {
    table.set(2, TAG, tag);
    for (const block of inFirst) assertFalse(table.isContested(block, ONE));
  }
  for (const state of [ALLOCATED, CACHED]) {
    table.set(2, TAG, makeTag(state, TWO));
    for (const block of inFirst) assert(table.isContested(block, ONE) && !table.isContested(block, TWO));
    assertFalse(table.isContested(4, ONE));
  }
  table.set(8, TAG, makeTag(ALLOCATED, TWO));
  assert(table.isContested(8, ONE), "the last line, which is not full");
  assertFalse(table.isContested(7, ONE));
});

test("contested lines - findSingle avoids free runs between another worker's blocks, if there are other runs", () => {
  const memory = SimMemory.make({ blocks: 64, cachedBlocks: 2 });
  const { region, number } = SimWorker.attach(memory);
  const { table, runs } = region;
  const blocks = Array.from({ length: 32 }, () => take(region, 1));
  for (const block of blocks) table.set(block, TAG, makeTag(ALLOCATED, block < 16 ? TWO : number));
  give(region, 17);
  give(region, 1); // the last one that was freed is found first
  assertEquals([runs.findSingle(number), runs.findSingle(TWO)], [17, 1]);
  give(region, 2); // coalesces with block 1
  assertEquals([runs.findSingle(number), runs.findSingle(TWO)], [17, 1]);
  table.set(18, TAG, makeTag(ALLOCATED, TWO));
  assertEquals(runs.findSingle(number), 32, "the long run at the end");
  assertEquals(runs.findSingle(TWO), 1);
});

test("contested lines - if every free run is contested, findSingle returns the shortest one", () => {
  const memory = SimMemory.make({ blocks: 256, cachedBlocks: 2 });
  const { region, number } = SimWorker.attach(memory);
  const { table, runs } = region;
  for (let block = 0; block < 256; block++) table.set(take(region, 1), TAG, makeTag(ALLOCATED, TWO));
  assertEquals(runs.findSingle(number), NONE);
  give(region, 8);
  give(region, 9);
  give(region, 100);
  assertEquals(runs.findSingle(number), 100);
});

test("contested lines - two workers that allocate and free at random rarely share a line in the end", () => {
  const blocks = 1024;
  const memory = SimMemory.make({ blocks, cachedBlocks: 32 });
  const workers = [SimWorker.attach(memory), SimWorker.attach(memory)];
  const draw = sequenceFrom(1);
  const held = workers.map((): number[] => []);
  const turn = (steps: number, share: number): void => {
    for (let step = 0; step < steps; step++) {
      const which = draw(2);
      const [worker, mine] = [workers[which]!, held[which]!];
      if (mine.length < 256 && draw(100) < share) {
        mine.push(worker.alloc(1));
      } else if (mine.length > 0) {
        const place = draw(mine.length);
        assert(worker.free(mine[place]!));
        mine[place] = mine.at(-1)!;
        mine.pop();
      }
    }
  };
  for (let round = 0; round < 20; round++) {
    turn(2000, 90);
    turn(2000, 10);
  }
  turn(2000, 90);
  workers[0]!.check();
  const { table } = workers[0]!.region;
  let contested = 0;
  let lines = 0;
  for (let first = 0; first < blocks; first += LINE_BLOCKS) {
    const tags = Array.from({ length: LINE_BLOCKS }, (_, place) => table.tag(first + place));
    const owners = new Set(tags.map(workerOf).filter((owner) => owner !== 0));
    if (owners.size > 0) lines++;
    if (owners.size > 1) contested++;
  }
  assert(contested < lines / 4, `${contested} of ${lines} lines are shared`);
});
