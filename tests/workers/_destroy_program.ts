/**
 * The program of destroy_test.ts, which runs in a process of its own:
 *
 *     race <rounds> <seed>   in each round, eight workers use a pool and one of them destroys it
 *     cycle <rounds>         makes, uses and destroys pools one after another
 *
 * Prints an `Outcome`.
 */

import { MemPool } from "mempool";
import process from "node:process";
import { setImmediate as turn } from "node:timers/promises";
import { type Footprint, footprint } from "../support/footprint.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { spawnWorker, type TestWorker } from "../support/workers.ts";
import { type DestroyOrder, type DestroyReport, type Outcome, ROLES } from "./_destroy_orders.ts";

const WORKERS = 8;

/** The share of the rounds after which the process has all resources that it ever needs, if nothing leaks. */
const WARM_UP = 0.2;

/** Rounds in one turn of the event loop. */
const TURN = 50;

/** Pools of different size classes: address ranges are used again within their class. */
const BLOCK_COUNTS = [2000, 3000, 5000];

const [what, rounds, seed] = process.argv.slice(2);
const outcome = what === "race" ? await race(Number(rounds), Number(seed)) : await cycle(Number(rounds));
console.log(JSON.stringify(outcome));

/** Calls `round` `rounds` times. Measures the process after the warm-up and at the end. */
async function measured(
  rounds: number,
  round: (number: number) => unknown,
): Promise<{ before: Footprint | undefined; after: Footprint | undefined }> {
  let before: Footprint | undefined;
  for (let number = 0; number < rounds; number++) {
    if (number === Math.floor(rounds * WARM_UP)) before = footprint();
    await round(number);
  }
  return { before, after: footprint() };
}

async function race(rounds: number, seed: number): Promise<Outcome> {
  const draw = sequenceFrom(seed);
  const workers = Array.from({ length: WORKERS }, () => spawnWorker(new URL("./_destroy_worker.ts", import.meta.url)));
  const reports: DestroyReport[] = [];
  const footprints = await measured(rounds, async (round) => reports.push(...await raceOnce(workers, round, draw)));
  for (const worker of workers) worker.terminate();
  return {
    rounds,
    calls: reports.reduce((sum, { calls }) => sum + calls, 0),
    wrong: reports.flatMap(({ wrong }) => wrong),
    ...footprints,
  };
}

/** All workers use one pool, and one of them destroys it. */
async function raceOnce(workers: TestWorker[], round: number, draw: Draw): Promise<DestroyReport[]> {
  const pool = MemPool.init(BLOCK_COUNTS[round % BLOCK_COUNTS.length]! * 64, 64);
  const words = new SharedArrayBuffer(8);
  const reports = await Promise.all(workers.map((worker, place) => {
    const order: DestroyOrder = {
      handle: pool.handle,
      role: ROLES[(place + round) % ROLES.length]!,
      seed: draw(2 ** 31),
      destroys: place === round % WORKERS,
      words,
      awaited: WORKERS,
    };
    return worker.call<DestroyReport>(order);
  }));
  pool.destroy(); // so that this thread leaves the pool too
  return reports;
}

/** Makes and destroys pools one after another, a few at a time, and touches every page of each. */
async function cycle(rounds: number): Promise<Outcome> {
  const alive: MemPool[] = [];
  const footprints = await measured(rounds, async (round) => {
    const pool = MemPool.init(BLOCK_COUNTS[round % BLOCK_COUNTS.length]! * 64, 64);
    new Uint8Array(pool.alloc(pool.size / 2)!).fill(1);
    new Uint8Array(pool.buffer).fill(2);
    MemPool.attach(pool.handle).close();
    alive.push(pool);
    if (alive.length > 3) alive.shift()!.destroy();
    // Within one turn of the event loop, engines keep every pool object, because each has a weak reference.
    if (round % TURN === 0) await turn();
  });
  for (const pool of alive) pool.destroy();
  return { rounds, calls: 0, wrong: [], ...footprints };
}
