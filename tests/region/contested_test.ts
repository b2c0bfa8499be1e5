/**
 * Contested cache lines: lines of the block table that hold descriptors of blocks of several workers, so that their
 * processors wait for each other. The depot and the free runs prefer to give a worker blocks whose lines no other
 * worker writes.
 */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { IN_DEPOT } from "../../src/region/depot.ts";
import { ALLOCATED, CACHED, DEPOT_CACHES, FREE, LINE_BLOCKS, NONE, ORPHAN, TAG } from "../../src/region/layout.ts";
import { makeTag, workerOf } from "../../src/region/block_table.ts";
import type { Region } from "../../src/region/region.ts";
import { test } from "../support/harness.ts";
import { give, plainRegion, take } from "../support/plain.ts";
import { sequenceFrom } from "../support/sequence.ts";
import { SimMemory, SimWorker } from "../support/simulation.ts";

const ONE = 1;
const TWO = 2;

/** A region of single blocks with these owners, 0 for none. The blocks `pushed` are in the depot, in that order. */
function owned(owners: readonly number[], pushed: readonly number[]): Region {
  const { region } = SimWorker.attach(SimMemory.make({ blocks: 64, cachedBlocks: 4 }));
  for (const owner of owners) region.table.set(take(region, 1), TAG, makeTag(ALLOCATED, owner));
  for (const block of pushed) region.depot.push(block);
  return region;
}

/** The blocks in the depot, from the top down. */
function stackOf({ depot }: Region): number[] {
  return Array.from({ length: depot.top }, (_, entry) => depot.at(depot.top - 1 - entry));
}

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

test("contested lines - the depot moves blocks of uncontested lines to its top, as many as are wanted", () => {
  // Lines of worker one, of no worker, of worker two, of both, of worker one.
  const lines = [[0, ONE, 0, ONE], [0, 0, 0, 0], [0, TWO, TWO, TWO], [ONE, 0, 0, TWO], [ONE, ONE, 0, ONE]].flat();
  const pushed = [0, 8, 4, 13, 2, 5, 14, 18, 6, 7];
  const arranged = (count: number, worker: number): [number, number[], number[]] => {
    const region = owned(lines, pushed);
    const suited = region.depot.arrange(count, worker);
    const stack = stackOf(region);
    return [suited, stack.slice(0, suited), stack.slice(suited).sort((a, b) => a - b)];
  };
  assertEquals(arranged(10, ONE), [7, [7, 6, 18, 5, 2, 4, 0], [8, 13, 14]]);
  assertEquals(arranged(10, TWO), [5, [7, 6, 5, 4, 8], [0, 2, 13, 14, 18]]);
  assertEquals(arranged(3, TWO), [3, [7, 6, 5], [0, 2, 4, 8, 13, 14, 18]]);
  assertEquals(arranged(0, ONE)[0], 0);
});

test("contested lines - a refill takes only uncontested blocks, if they are at least half of what it wants", () => {
  const memory = SimMemory.make({ blocks: 64, cachedBlocks: 8 });
  const [one, two] = [SimWorker.attach(memory), SimWorker.attach(memory)];
  const { table, depot } = two.region;
  const blocks = Array.from({ length: 4 * LINE_BLOCKS }, () => take(two.region, 1));
  assertEquals(blocks, [...blocks.keys()]);
  for (const block of blocks) {
    if (block % LINE_BLOCKS === 0 && block < 8) table.set(block, TAG, makeTag(ALLOCATED, one.number));
    else depot.push(block);
  }
  const before = depot.top;
  const got = Array.from({ length: 4 }, () => two.alloc(1));
  assert(got.every((block) => block >= 8 && block < 16), `${got}`);
  assertEquals(depot.top, before - 4);
});

/**
 * The block that a worker gets next, after it has allocated more than the depot holds and done what `between` says. The
 * depot then has contested blocks on top, from block `contested` up, and uncontested ones below.
 */
function nextAfter(between: (worker: SimWorker, held: number[]) => void): { block: number; contested: number } {
  const cachedBlocks = 8;
  const memory = SimMemory.make({ blocks: 256, cachedBlocks });
  const [other, worker] = [SimWorker.attach(memory), SimWorker.attach(memory)];
  const { region } = worker;
  const held = Array.from({ length: (DEPOT_CACHES + 1) * cachedBlocks }, () => worker.alloc(1));
  between(worker, held);
  assertEquals(region.slots.cachedBlocks(), 0);
  const blocks = Array.from({ length: 4 * LINE_BLOCKS }, () => take(region, 1));
  const contested = blocks[2 * LINE_BLOCKS]!;
  for (const block of blocks) {
    if (block >= contested && block % LINE_BLOCKS === 0) region.table.set(block, TAG, makeTag(ALLOCATED, other.number));
    else region.depot.push(block);
  }
  return { block: worker.alloc(1), contested };
}

test("contested lines - a consumer takes any block of the depot, other workers take uncontested ones", () => {
  const taking = nextAfter(() => {});
  assert(taking.block >= taking.contested);

  /** Frees `count` blocks, then allocates as many and `more`. */
  const turn = (worker: SimWorker, held: readonly number[], count: number, more: number): void => {
    for (const block of held.slice(0, count)) assert(worker.free(block));
    for (let times = 0; times < count + more; times++) worker.alloc(1);
  };
  const giving = nextAfter((worker, held) => turn(worker, held, 4, 0));
  assert(giving.block < giving.contested, "it freed as many as its last refill brought");
  const fewer = nextAfter((worker, held) => turn(worker, held, 3, 0));
  assert(fewer.block >= fewer.contested, "it freed fewer");
  const formerly = nextAfter((worker, held) => turn(worker, held, 4, held.length));
  assert(formerly.block >= formerly.contested, "it freed as many once, and then only allocated");
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
