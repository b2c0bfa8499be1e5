/**
 * Many workers on one pool, after the model of mimalloc's test-stress: sizes spread by powers of two and some of them
 * large, blocks that are filled when they come and read again when they go, blocks that pass between threads, and
 * threads that end and are replaced while some of their blocks live on. Each worker holds blocks of its own; a cookie
 * in every word says where the word is and whose. Blocks in a shared array are nobody's: workers swap by atomic
 * exchange.
 */

import { assert, assertEquals } from "@std/assert";
import { effort, tell } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { assertOneFreeRun } from "../support/pool.ts";
import { withSeed } from "../support/random.ts";
import { type Situation, Stress } from "./_stress.ts";

/** Runs at each of so many places one worker after the other. */
async function replace(places: number, generations: number, run: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: places }, async () => {
    for (let generation = 0; generation < generations; generation++) await run();
  }));
}

async function stress(situation: Situation, use: (stress: Stress) => Promise<void>): Promise<void> {
  await withSeed(async (seed) => {
    const all = new Stress(situation, seed);
    const started = performance.now();
    try {
      await use(all);
    } finally {
      all.end();
    }
    tell(`${JSON.stringify(all.sum)}, ${Math.round((performance.now() - started) / 1000)} s`);
  });
}

/** All workers close: everything is accounted for. */
async function stressAndClose(situation: Situation): Promise<void> {
  await stress(situation, async (all) => {
    await replace(situation.workers, situation.generations, () => all.work());
    const left = all.pool.stats().allocatedBlocks;
    assert(left > 0 && all.sum.takenOver > 0, "no block outlived its worker: the test tests nothing");
    all.drain();
    assertOneFreeRun(all.pool);
    const { allocs, workers } = all.pool.stats();
    assertEquals({ allocs, workers }, { allocs: all.sum.allocs, workers: 1 });
  });
}

const ROOMY = { blocks: 4096, target: 150, workers: 8 };
const TIGHT = { blocks: 1500, target: 150, workers: 8 };

const roomy = { ...ROOMY, generations: effort(2, 30), operations: effort(50_000, 150_000) };
test(`stress - ${operationsOf(roomy)} operations of 8 workers, replaced while they run`, () => stressAndClose(roomy));

const tight = { ...TIGHT, generations: effort(1, 12), operations: effort(50_000, 150_000) };
test(`stress - ${operationsOf(tight)} operations of 8 workers, in a pool that is nearly always exhausted`, () =>
  stressAndClose(tight));

function operationsOf({ workers, generations, operations }: Situation): number {
  return workers * generations * operations;
}

const deadly = { ...ROOMY, workers: 4, generations: effort(2, 250), operations: effort(5000, 10_000) };
test(`stress - 4 workers that close, and ${4 * deadly.generations} that are terminated at any moment`, () =>
  stress(deadly, async (all) => {
    await Promise.all([
      replace(deadly.workers, deadly.generations, () => all.work()),
      replace(deadly.workers, deadly.generations, () => all.die()),
    ]);
    all.drain();
    const { allocatedBlocks, ownerDeaths } = all.pool.stats();
    assert(allocatedBlocks > 0, "nobody died with a block: the test tests nothing");
    tell(`${allocatedBlocks} blocks were left by the dead, ${ownerDeaths} of them had the lock`);
    all.pool.reap();
    // A worker that dies between taking a block over and making it its own leaves it to nobody.
    assert(all.freeTheRest() <= deadly.workers * deadly.generations);
    all.pool.check();
    // Not the counts of calls: a worker that dies in the middle of one may leave it uncounted, see docs/design.md.
    const { allocatedBlocks: left, largestFreeRun, blockCount } = all.pool.stats();
    assertEquals([left, largestFreeRun], [0, blockCount]);
  }));
