/**
 * Workers come to have blocks whose descriptors share no cache line with another's: what is in the depot and in holes
 * is chosen.
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

/** Single blocks with these owners in this order; then some of them came to the depot, in the order of `pushed`. */
function owned(owners: readonly number[], pushed: readonly number[]): Region {
  const { region } = SimWorker.attach(SimMemory.make({ blocks: 64, cachedBlocks: 4 }));
  for (const owner of owners) region.table.set(take(region, 1), TAG, makeTag(ALLOCATED, owner));
  for (const block of pushed) region.depot.push(block);
  return region;
}

/** What is in the depot, from the top down. */
function stackOf({ depot }: Region): number[] {
  return Array.from({ length: depot.top }, (_, entry) => depot.at(depot.top - 1 - entry));
}

test("contested - is a line in which somebody else has a block", () => {
  const { table } = plainRegion(2 * LINE_BLOCKS + 1);
  for (let block = 0; block < table.blockCount; block++) table.set(block, TAG, FREE);
  const inFirst = [0, 1, 2, 3];
  for (const nobodys of [FREE, IN_DEPOT, makeTag(ALLOCATED, ONE), makeTag(CACHED, ONE), makeTag(ALLOCATED, ORPHAN)]) {
    table.set(2, TAG, nobodys);
    for (const block of inFirst) assertFalse(table.isContested(block, ONE));
  }
  for (const state of [ALLOCATED, CACHED]) {
    table.set(2, TAG, makeTag(state, TWO));
    for (const block of inFirst) assert(table.isContested(block, ONE) && !table.isContested(block, TWO));
    assertFalse(table.isContested(4, ONE));
  }
  table.set(8, TAG, makeTag(ALLOCATED, TWO));
  assert(table.isContested(8, ONE), "a line that is not full");
  assertFalse(table.isContested(7, ONE));
});

test("contested - the depot brings up what is not, and as much as is wanted", () => {
  // Lines: of one, of nobody, of two, of both, of one.
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

test("contested - of a worker's next blocks none is, where half of what it wants is not", () => {
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
 * The next block of a worker that took more than the depot holds, when its lines in the depot are on top and some of
 * nobody's below.
 */
function nextOfTaker(between: (taker: SimWorker, held: number[]) => void): { block: number; contested: number } {
  const cachedBlocks = 8;
  const memory = SimMemory.make({ blocks: 256, cachedBlocks });
  const [other, taker] = [SimWorker.attach(memory), SimWorker.attach(memory)];
  const { region } = taker;
  const held = Array.from({ length: (DEPOT_CACHES + 1) * cachedBlocks }, () => taker.alloc(1));
  between(taker, held);
  assertEquals(region.slots.cachedBlocks(), 0);
  const blocks = Array.from({ length: 4 * LINE_BLOCKS }, () => take(region, 1));
  const contested = blocks[2 * LINE_BLOCKS]!;
  for (const block of blocks) {
    if (block >= contested && block % LINE_BLOCKS === 0) region.table.set(block, TAG, makeTag(ALLOCATED, other.number));
    else region.depot.push(block);
  }
  return { block: taker.alloc(1), contested };
}

test("contested - who only takes gets what comes first; who gives back too, what is not", () => {
  const taking = nextOfTaker(() => {});
  assert(taking.block >= taking.contested);

  /** Gives so many blocks back, then takes as many again, and so many more. */
  const turn = (taker: SimWorker, held: readonly number[], count: number, more: number): void => {
    for (const block of held.slice(0, count)) assert(taker.free(block));
    for (let times = 0; times < count + more; times++) taker.alloc(1);
  };
  const giving = nextOfTaker((taker, held) => turn(taker, held, 4, 0));
  assert(giving.block < giving.contested, "it gave back as many as the last refill brought");
  const fewer = nextOfTaker((taker, held) => turn(taker, held, 3, 0));
  assert(fewer.block >= fewer.contested, "it gave back fewer");
  const formerly = nextOfTaker((taker, held) => turn(taker, held, 4, held.length));
  assert(formerly.block >= formerly.contested, "it gave back as many once, and then took only");
});

test("contested - holes of another's are left to it, while there are others", () => {
  const memory = SimMemory.make({ blocks: 64, cachedBlocks: 2 });
  const { region, number } = SimWorker.attach(memory);
  const { table, runs } = region;
  const blocks = Array.from({ length: 32 }, () => take(region, 1));
  for (const block of blocks) table.set(block, TAG, makeTag(ALLOCATED, block < 16 ? TWO : number));
  give(region, 17);
  give(region, 1); // the next that is found
  assertEquals([runs.findSingle(number), runs.findSingle(TWO)], [17, 1]);
  give(region, 2); // 1 and 2 are one run now
  assertEquals([runs.findSingle(number), runs.findSingle(TWO)], [17, 1]);
  table.set(18, TAG, makeTag(ALLOCATED, TWO));
  assertEquals(runs.findSingle(number), 32, "the long run behind them all");
  assertEquals(runs.findSingle(TWO), 1);
});

test("contested - where all holes are, the shortest one is taken", () => {
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

test("contested - two workers that use and give up blocks again and again come apart", () => {
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
  assert(contested < lines / 4, `${contested} of ${lines} lines`);
});
