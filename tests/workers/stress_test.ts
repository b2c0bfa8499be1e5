/**
 * Models the load of mimalloc's test-stress: many workers on one pool, sizes that are spread over powers of two, some
 * of them large, runs that are filled when they are allocated and checked when they are freed, runs that pass from
 * worker to worker, and workers that end and are replaced while some of their runs live on. Every word holds a cookie
 * that depends on its place and on the allocation. Runs in the shared places (_stress_orders.ts) belong to no worker;
 * workers swap them by atomic exchange.
 *
 * How to read a failure: "Word 3 of 16 in the run at offset 640 was overwritten; worker 5 had filled it" is a block
 * that was handed out twice, or a realloc that lost bytes. A wrong number at the end, when everything is free, is a
 * block that was lost. The seed draws the same operations again, but their timing differs.
 */

import { assert, assertEquals } from "@std/assert";
import { effort, tell } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { assertOneFreeRun } from "../support/pool.ts";
import { withSeed } from "../support/random.ts";
import { type Situation, Stress } from "./_stress.ts";

/** At each of `places` places, runs `generations` workers one after another. */
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

/** All workers close the pool. Then every allocation and every block must be accounted for. */
async function stressAndClose(situation: Situation): Promise<void> {
  await stress(situation, async (all) => {
    await replace(situation.workers, situation.generations, () => all.work());
    const left = all.pool.stats().allocatedBlocks;
    assert(left > 0 && all.sum.takenOver > 0, "no run outlived its worker: the test tests nothing");
    all.freeShared();
    assertOneFreeRun(all.pool);
    const { allocs, workers } = all.pool.stats();
    assertEquals({ allocs, workers }, { allocs: all.sum.allocs, workers: 1 });
  });
}

const ROOMY = { blocks: 4096, target: 150, workers: 8 };
const TIGHT = { blocks: 1500, target: 150, workers: 8 };

const roomy = { ...ROOMY, generations: effort(2, 30), operations: effort(10_000, 150_000) };
test(`stress - ${operationsOf(roomy)} operations of 8 workers that are replaced while the others run`, () =>
  stressAndClose(roomy));

const tight = { ...TIGHT, generations: effort(1, 12), operations: effort(15_000, 150_000) };
test(`stress - ${operationsOf(tight)} operations of 8 workers in a pool that is nearly always exhausted`, () =>
  stressAndClose(tight));

function operationsOf({ workers, generations, operations }: Situation): number {
  return workers * generations * operations;
}

const deadly = { ...ROOMY, workers: 4, generations: effort(1, 250), operations: effort(5000, 10_000) };
const deaths = deadly.workers * deadly.generations;
test(`stress - 4 workers that close, and ${deaths} that are terminated at random moments`, () =>
  stress(deadly, async (all) => {
    await Promise.all([
      replace(deadly.workers, deadly.generations, () => all.work()),
      replace(deadly.workers, deadly.generations, () => all.die()),
    ]);
    all.freeShared();
    const { allocatedBlocks, ownerDeaths } = all.pool.stats();
    assert(allocatedBlocks > 0, "no worker died with a block: the test tests nothing");
    tell(`dead workers left ${allocatedBlocks} blocks; ${ownerDeaths} of them held the lock`);
    all.pool.reap();
    // A worker that dies after it took a run from a shared place, and before it became its owner, leaves one that reap
    // keeps.
    const left = all.freeTheRest();
    assert(left <= deaths, `after reap, ${left} runs are left by ${deaths} dead workers`);
    all.pool.check();
    // The counts of calls may be wrong: a worker that dies in the middle of a call may leave it uncounted, see
    // docs/design.md.
    const { allocatedBlocks: rest, largestFreeRun, blockCount } = all.pool.stats();
    assertEquals([rest, largestFreeRun], [0, blockCount]);
  }));
