/**
 * One and eight workers on pools that are more and more full. Does the speed collapse, and does any worker starve? Each
 * worker has 1,000 places. An operation picks a random place, and frees the block there or allocates one. So on average
 * half of the places hold a block, and the number of blocks in use fluctuates. The pool has room for this average
 * divided by the share in the row's name. At 100 %, every second fluctuation exhausts the pool. Then the pool recalls
 * the cached blocks of all workers under the lock before it returns -1.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { MemPool } from "../mod.ts";
import { spawnWorker, type TestWorker } from "../tests/support/workers.ts";
import type { FullDone, FullJob } from "./_full_side.ts";
import { median } from "./_measure.ts";
import type { GroupResult, Row, Settings, Table } from "./_types.ts";
import { CONTROL_WORDS, GO, READY, sharedWords, STOP } from "./_workers_load.ts";

const BLOCK = 256;
const PLACES = 1000;
const SHARES = [50, 90, 99, 100];
const TURN = 150;

/** So long it takes until the engines have compiled what a worker does in an exhausted pool, which few calls reach. */
const WARM_UPS = 12;

/**
 * Millions of operations per second, the slowest worker's rate divided by the fastest's, and the percentage refused.
 */
interface Turn {
  readonly rate: number;
  readonly evenness: number;
  readonly refused: number;
}

export async function run(settings: Settings): Promise<GroupResult> {
  const counts = settings.quick ? [1, 2] : [1, 8];
  const workers = Array.from(
    { length: counts.at(-1)! },
    () => spawnWorker(new URL("_full_side.ts", import.meta.url)),
  );
  const turns = new Map<string, Turn[]>();
  for (let round = settings.quick ? 0 : -WARM_UPS; round < settings.rounds; round++) {
    for (const count of counts) {
      for (const share of SHARES) {
        const turn = await take(workers.slice(0, count), share, settings.quick ? 30 : TURN);
        const key = nameOf(count, share);
        if (round >= 0) turns.set(key, [...turns.get(key) ?? [], turn]);
      }
    }
  }
  for (const worker of workers) worker.terminate();
  const most = counts.at(-1)!;
  const measured = { "full.most": ratioOf(turns, nameOf(most, 99), nameOf(most, 50)) };
  return { tables: counts.map((count) => tableOf(count, turns)), measured };
}

function nameOf(count: number, share: number): string {
  return `${count} worker${count === 1 ? "" : "s"}, ${share} % full`;
}

async function take(workers: readonly TestWorker[], share: number, milliseconds: number): Promise<Turn> {
  const blocks = Math.ceil(workers.length * PLACES / 2 / share * 100);
  using pool = MemPool.init(blocks * BLOCK, BLOCK);
  const control = sharedWords(CONTROL_WORDS);
  const replies = workers.map((worker, seed) => {
    return worker.call<FullDone>({ handle: pool.handle, control, places: PLACES, seed } satisfies FullJob);
  });
  while (Atomics.load(control, READY) < workers.length) await Promise.race([sleep(1), Promise.all(replies)]);
  Atomics.store(control, GO, 1);
  Atomics.notify(control, GO);
  await sleep(milliseconds);
  Atomics.store(control, STOP, 1);
  const done = await Promise.all(replies);
  pool.check();
  const rates = done.map(({ operations, milliseconds }) => operations / milliseconds / 1000);
  const operations = done.reduce((sum, each) => sum + each.operations, 0);
  const refused = done.reduce((sum, each) => sum + each.refused, 0);
  return {
    rate: rates.reduce((sum, rate) => sum + rate, 0),
    evenness: Math.min(...rates) / Math.max(...rates),
    refused: 100 * refused / operations,
  };
}

function tableOf(count: number, turns: ReadonlyMap<string, readonly Turn[]>): Table {
  const control = nameOf(count, SHARES[0]!);
  const rows = SHARES.map((share): Row => {
    const name = nameOf(count, share);
    const rates = turns.get(name)!.map(({ rate }) => rate);
    const row: Row = { name, unit: "M/s", mean: median(rates) };
    if (name === control) return row;
    return { ...row, ratio: ratioOf(turns, name, control), to: control };
  });
  const evenness = SHARES.map((share) => median(turns.get(nameOf(count, share))!.map((turn) => turn.evenness)));
  const refused = SHARES.map((share) => median(turns.get(nameOf(count, share))!.map((turn) => turn.refused)));
  const note = `Refused: ${list(refused, 2, " %")}. The slowest worker's rate divided by the fastest's: ${
    list(evenness, 2)
  }.`;
  return { title: `A pool that is nearly full, ${count} worker${count === 1 ? "" : "s"}`, rows, note };
}

function ratioOf(turns: ReadonlyMap<string, readonly Turn[]>, one: string, control: string): number {
  return median(turns.get(one)!.map(({ rate }, turn) => rate / turns.get(control)![turn]!.rate));
}

function list(numbers: readonly number[], digits: number, unit = ""): string {
  return numbers.map((number) => number.toFixed(digits) + unit).join(", ");
}
