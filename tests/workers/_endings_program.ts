/**
 * The program of endings_test.ts.
 *
 * - `terminate <count>` terminates so many workers, each after another number of milliseconds, and prints what the pool
 *   has left.
 * - `end <steps>` makes so many steps in the main thread, and ends.
 */

import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { MemPool } from "mempool";
import { spawnWorker } from "../support/harness.ts";
import { untilEnded } from "../support/native.ts";
import { makePool, step } from "./_endings_steps.ts";

/** Workers end after up to so many milliseconds, in which the compilers of every runtime are at work. */
const LONGEST = 40;

async function terminateOne(pool: MemPool, age: number): Promise<void> {
  const worker = spawnWorker(new URL("./_endings_worker.ts", import.meta.url));
  const thread = await worker.call<number>(pool.handle);
  await sleep(age);
  worker.terminate();
  await untilEnded(thread);
}

const [what, argument] = process.argv.slice(2);
const number = Number(argument);
const pool = makePool();
if (what === "terminate") {
  for (let done = 0; done < number; done++) {
    await terminateOne(pool, done * 7 % LONGEST);
    pool.reap();
  }
  pool.check();
  const { allocatedBlocks, workers } = pool.stats();
  console.log(JSON.stringify({ allocatedBlocks, workers }));
} else {
  for (let done = 0; done < number; done++) step(pool, done);
}
