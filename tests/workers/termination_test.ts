/**
 * Models workers that are terminated at random moments, inside and outside critical sections, one after another, while
 * a witness keeps using the pool. No death may tear the block table, and no worker may wait long for the lock of a dead
 * one. Bun terminates a worker between any two instructions. Deno terminates it only where it pauses, so the workers
 * (_stress_worker.ts) also pause inside critical sections.
 *
 * How to read a failure: an error of `check` is a table that a death left torn; "a call took … ms" is a lock that was
 * not inherited; a wrong number at the end is a block that `reap` did not take back.
 */

import { assert, assertEquals } from "@std/assert";
import type { MemPool } from "mempool";
import { effort, tell } from "../support/effort.ts";
import { spawnWorker, test } from "../support/harness.ts";
import { withSeed } from "../support/random.ts";
import { Stress } from "./_stress.ts";
import type { WitnessOrder, WitnessReport } from "./_witness_worker.ts";

/** The pool's lockTimeout: milliseconds after which a worker gives up waiting for the lock. */
const LOCK_TIMEOUT = 5000;

/** How many workers are terminated in one pool. */
const rounds = effort(8, 100);
/** How many pools. */
const parts = effort(1, 10);
const situation = { blocks: 2 ** 18, target: 40, workers: 1, generations: rounds, operations: 0 };

/** Lets a witness use the pool while `use` runs. Returns its report. */
async function withWitness(pool: MemPool, use: () => Promise<void>): Promise<WitnessReport> {
  const witness = spawnWorker(new URL("./_witness_worker.ts", import.meta.url));
  const order: WitnessOrder = { handle: pool.handle, words: new SharedArrayBuffer(4) };
  const report = witness.call<WitnessReport>(order);
  try {
    await Promise.race([use(), report.then(() => Promise.reject(new Error("the witness stopped")))]);
  } finally {
    Atomics.store(new Int32Array(order.words), 0, 1);
  }
  return await report.finally(() => witness.terminate());
}

/** How many milliseconds this thread needs to allocate and free under the lock. */
function timeToTakeTheLock(pool: MemPool): number {
  const before = performance.now();
  pool.freeOffset(pool.allocOffset(2 * pool.blockSize));
  return performance.now() - before;
}

function quantile(sorted: readonly number[], part: number): string {
  return sorted[Math.floor((sorted.length - 1) * part)]!.toFixed(2);
}

const terminateMany = (): Promise<void> =>
  withSeed(async (seed) => {
    const all = new Stress(situation, seed);
    try {
      const times: number[] = [];
      const witness = await withWitness(all.pool, async () => {
        for (let round = 0; round < rounds; round++) {
          await all.die(() => times.push(timeToTakeTheLock(all.pool)));
          all.pool.check();
        }
      });
      times.sort((one, other) => one - other);
      const { ownerDeaths, allocatedBlocks, lockContended } = all.pool.stats();
      tell(
        `${rounds} terminated, ${ownerDeaths} held the lock; ${allocatedBlocks} blocks left; time until another has the lock: ` +
          `median ${quantile(times, 0.5)} ms, 99 % ${quantile(times, 0.99)} ms, longest ${quantile(times, 1)} ms; ` +
          `a witness made ${witness.calls} calls, the longest took ${
            witness.longest.toFixed(1)
          } ms; ${lockContended} waits`,
      );
      assert(witness.longest < LOCK_TIMEOUT, `a call took ${witness.longest} ms`);
      assert(witness.calls > rounds && allocatedBlocks > 0, "the workers did nothing: the test tests nothing");
      all.freeShared();
      all.pool.reap();
      all.pool.check();
      assertEquals(all.pool.stats().largestFreeRun, situation.blocks);
    } finally {
      all.end();
    }
  });

for (let part = 1; part <= parts; part++) {
  const what = `${rounds} workers at random moments: the table stays intact and no call waits long`;
  test(`termination - ${part} of ${parts}: ${what}`, terminateMany);
}
