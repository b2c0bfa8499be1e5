/**
 * The program of destroy_test.ts, a process of its own: `race <rounds> <seed>`, or `cycle <rounds>`. Prints an outcome.
 */

import { MemPool } from "mempool";
import process from "node:process";
import { setImmediate as turn } from "node:timers/promises";
import {
  type DestroyOrder,
  type DestroyReport,
  type Footprint,
  type Outcome,
  ROLES,
} from "../support/destroy_orders.ts";
import { footprint } from "../support/footprint.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { spawnWorker, type TestWorker } from "../support/workers.ts";

const WORKERS = 8;

/** Rounds after which the process has all that it will ever need, if nothing leaks. */
const WARM_UP = 0.2;

/** Rounds in one turn of the event loop. */
const TURN = 50;

/** Ranges of addresses come in classes; several pools of each rest before one is used again. */
const BLOCK_COUNTS = [2000, 3000, 5000];

const [what, rounds, seed] = process.argv.slice(2);
const outcome = what === "race" ? await race(Number(rounds), Number(seed)) : await cycle(Number(rounds));
console.log(JSON.stringify(outcome));

/** Calls `round` so often, and measures the process in between and in the end. */
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
  const crew = Array.from({ length: WORKERS }, () => spawnWorker(new URL("./_destroy_worker.ts", import.meta.url)));
  const reports: DestroyReport[] = [];
  const footprints = await measured(rounds, async (round) => reports.push(...await raceOnce(crew, round, draw)));
  for (const worker of crew) worker.terminate();
  return {
    rounds,
    calls: reports.reduce((sum, { calls }) => sum + calls, 0),
    wrong: reports.flatMap(({ wrong }) => wrong),
    ...footprints,
  };
}

/** All work on one pool, and one of them ends it. */
async function raceOnce(crew: TestWorker[], round: number, draw: Draw): Promise<DestroyReport[]> {
  const pool = MemPool.init(BLOCK_COUNTS[round % BLOCK_COUNTS.length]! * 64, 64);
  const words = new SharedArrayBuffer(8);
  const reports = await Promise.all(crew.map((worker, place) => {
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
  pool.destroy(); // this thread leaves it too
  return reports;
}

/** Pools one after the other, a few at a time, each used in full. */
async function cycle(rounds: number): Promise<Outcome> {
  const alive: MemPool[] = [];
  const footprints = await measured(rounds, async (round) => {
    const pool = MemPool.init(BLOCK_COUNTS[round % BLOCK_COUNTS.length]! * 64, 64);
    new Uint8Array(pool.alloc(pool.size / 2)!).fill(1);
    new Uint8Array(pool.buffer).fill(2);
    MemPool.attach(pool.handle).close();
    alive.push(pool);
    if (alive.length > 3) alive.shift()!.destroy();
    // Until a turn of the event loop, engines keep whatever a weak reference was made to: each pool object has one.
    if (round % TURN === 0) await turn();
  });
  for (const pool of alive) pool.destroy();
  return { rounds, calls: 0, wrong: [], ...footprints };
}
