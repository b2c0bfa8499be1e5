/**
 * Workers that are terminated at a random moment, with the lock or without it, one after the other: the others go on,
 * and soon. On Bun a worker ends between any two instructions. On Deno it ends where it pauses, which the workers of
 * this test do inside of critical sections too.
 */

import { assert, assertEquals } from "@std/assert";
import type { MemPool } from "mempool";
import { effort, tell } from "../support/effort.ts";
import { spawnWorker, test } from "../support/harness.ts";
import { withSeed } from "../support/random.ts";
import { Stress } from "./_stress.ts";
import type { WitnessOrder, WitnessReport } from "./_witness_worker.ts";

/** The pool's, in milliseconds: whoever waits as long gives up. */
const LOCK_TIMEOUT = 5000;

const rounds = effort(30, 100);
/** A pool each. */
const parts = effort(1, 10);
const situation = { blocks: 2 ** 18, target: 40, workers: 1, generations: rounds, operations: 0 };

/** Has a worker go on as long as `use` runs, and returns what it saw. */
async function withWitness(pool: MemPool, use: () => Promise<void>): Promise<WitnessReport> {
  const witness = spawnWorker(new URL("./_witness_worker.ts", import.meta.url));
  const order: WitnessOrder = { handle: pool.handle, words: new SharedArrayBuffer(4) };
  const saw = witness.call<WitnessReport>(order);
  try {
    await Promise.race([use(), saw.then(() => Promise.reject(new Error("the witness stopped")))]);
  } finally {
    Atomics.store(new Int32Array(order.words), 0, 1);
  }
  return await saw.finally(() => witness.terminate());
}

/** How long it takes this thread to allocate and free under the lock, in milliseconds. */
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
        `${rounds} terminated, ${ownerDeaths} with the lock; ${allocatedBlocks} blocks left; until another has the lock: ` +
          `median ${quantile(times, 0.5)} ms, 99 % ${quantile(times, 0.99)} ms, longest ${quantile(times, 1)} ms; ` +
          `a witness made ${witness.calls} calls, the longest took ${
            witness.longest.toFixed(1)
          } ms; ${lockContended} waits`,
      );
      assert(witness.longest < LOCK_TIMEOUT, `a call took ${witness.longest} ms`);
      assert(witness.calls > rounds && allocatedBlocks > 0, "nobody did anything: the test tests nothing");
      all.drain();
      all.pool.reap();
      all.pool.check();
      assertEquals(all.pool.stats().largestFreeRun, situation.blocks);
    } finally {
      all.end();
    }
  });

for (let part = 1; part <= parts; part++) {
  const what = `${rounds} workers, each at a random moment: no table is torn, and nobody waits for long`;
  test(`termination - ${part} of ${parts}: ${what}`, terminateMany);
}
