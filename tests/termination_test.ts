/**
 * Workers that are terminated at a random moment, with the lock or without it, one after the other: the others go on, and
 * soon. On Bun a worker ends between any two instructions. On Deno it ends where it pauses, which the workers of this test
 * do inside of critical sections too.
 */

import { assert, assertEquals } from "@std/assert";
import type { MemPool } from "mempool";
import { effort, tell } from "./_effort.ts";
import { spawnWorker, test } from "./_harness.ts";
import { withSeed } from "./_random.ts";
import { freeWhatTheDeadHeld, Stress } from "./_stress.ts";
import type { WitnessOrder, WitnessReport } from "./_witness_worker.ts";

/** The pool's, in milliseconds: whoever waits as long gives up. */
const LOCK_TIMEOUT = 5000;

/** The dead keep their slots in a pool, of which there are 128. */
const pools = effort(1, 20);
const rounds = effort(30, 50);
const situation = { blocks: 2 ** 16, target: 40, workers: 1, generations: rounds, operations: 0 };

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

/** What was measured with all pools. Times are in milliseconds. */
interface Tally {
  readonly times: number[];
  readonly witnesses: WitnessReport[];
  ownerDeaths: number;
  blocksLeft: number;
}

async function terminateMany(seed: number, tally: Tally): Promise<void> {
  const all = new Stress(situation, seed);
  try {
    const witness = await withWitness(all.pool, async () => {
      for (let round = 0; round < rounds; round++) {
        await all.die(() => tally.times.push(timeToTakeTheLock(all.pool)));
        all.pool.check();
      }
    });
    const { ownerDeaths, allocatedBlocks } = all.pool.stats();
    assert(witness.calls > rounds && allocatedBlocks > 0, "nobody did anything: the test tests nothing");
    tally.witnesses.push(witness);
    tally.ownerDeaths += ownerDeaths;
    tally.blocksLeft += allocatedBlocks;
    all.drain();
    freeWhatTheDeadHeld(all.pool);
    all.pool.check();
    assertEquals(all.pool.stats().largestFreeRun, situation.blocks);
  } finally {
    all.end();
  }
}

function figures({ times, witnesses, ownerDeaths, blocksLeft }: Tally): string {
  times.sort((one, other) => one - other);
  const at = (part: number): string => times[Math.floor((times.length - 1) * part)]!.toFixed(2);
  return `${times.length} terminated, ${ownerDeaths} with the lock, ${blocksLeft} blocks left; until another has the ` +
    `lock: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms; witnesses: ${JSON.stringify(witnesses)}`;
}

test(`termination - ${pools * rounds} workers, each at a random moment: no table is torn, and nobody waits for long`, () =>
  withSeed(async (seed) => {
    const tally: Tally = { times: [], witnesses: [], ownerDeaths: 0, blocksLeft: 0 };
    for (let pool = 0; pool < pools; pool++) await terminateMany(seed + pool, tally);
    tell(figures(tally));
    const longest = Math.max(...tally.times, ...tally.witnesses.map((witness) => witness.longest));
    assert(longest < LOCK_TIMEOUT, `a call took ${longest} ms`);
  }));
