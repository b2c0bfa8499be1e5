/**
 * Several workers on one pool, against as many workers that share nothing and have a pool each: the cost of sharing.
 * What the machine loses when all its processors are busy is lost on both sides.
 *
 * - mixed: each worker has 1,000 places. An operation picks a random place, frees what is there, and allocates again: a
 *   block in nine cases of ten, otherwise a run of 2 to 8 blocks. singles: the same with single blocks only. A pool
 *   with several workers caches runs, and a pool with one does not, so workers that share can be faster than those that
 *   do not. The first row is a single worker on the shared pool, to show what several workers gain.
 * - bursts: each worker frees a random half of 1,000 blocks, then allocates as many again.
 * - one way: one worker allocates and the other frees. The offsets go through a ring in shared memory. A single worker,
 *   and each of those that share nothing, does both through a ring of its own.
 * - ping-pong: each worker allocates for the other, and frees what it receives.
 * - The same without a pool. With records, one worker writes a record and the other exchanges a word in it; the records
 *   are adjacent or scattered. With numbers, nothing is read or written.
 *
 * A figure is the number of replacements or handed-over blocks of all workers in a second, in millions, by the wall
 * clock: it includes the time in which workers wait for each other.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { MEGABYTE, MemPool } from "../mod.ts";
import { spawnWorker, type TestWorker } from "../tests/support/workers.ts";
import { median } from "./_measure.ts";
import type { GroupResult, Row, Settings, Table } from "./_types.ts";
import {
  CONTROL_WORDS,
  type Done,
  GO,
  type Job,
  type Load,
  newRecords,
  newRing,
  newScatteredRecords,
  READY,
  type Records,
  sharedWords,
  STOP,
} from "./_workers_load.ts";

type Part = Pick<Job, "load" | "shared" | "send" | "receive" | "records">;

interface Scenario {
  readonly name: string;
  readonly series: string;
  readonly workers: number;
  /** Makes the part of each worker, with new rings for each turn. */
  readonly parts: () => readonly Part[];
  /** Millions of operations per second, by round. */
  readonly rates: number[];
}

const TURN = 100;
const WARM_UPS = 2;
/**
 * A worker may not be scheduled at all in the turn of a quick run. The rates stay positive, so that ratios are numbers.
 */
const LEAST = 1e-6;

export async function run(settings: Settings): Promise<GroupResult> {
  const counts = settings.quick ? [2] : [2, 4, 8];
  const loads = {
    mixed: replacing("mixed", counts),
    singles: replacing("singles", counts),
    bursts: replacing("bursts", counts.slice(0, 1)),
    ...handingOver(),
  };
  using pool = MemPool.init(64 * MEGABYTE, 256);
  const workers = Array.from(
    { length: counts.at(-1)! },
    () => spawnWorker(new URL("_workers_side.ts", import.meta.url)),
  );
  for (const worker of workers) await worker.call(pool.handle);

  const scenarios = Object.values(loads).flat();
  for (let round = settings.quick ? 0 : -WARM_UPS; round < settings.rounds; round++) {
    for (const scenario of round % 2 === 0 ? scenarios : scenarios.toReversed()) {
      const rate = await rateOf(scenario, workers, settings.quick ? 30 : TURN);
      if (round >= 0) scenario.rates.push(rate);
    }
  }
  for (const worker of workers) worker.terminate();
  pool.check();

  const entries = Object.entries(loads);
  return {
    tables: entries.map(([name, all]) => tableOf(name, all)),
    measured: Object.fromEntries(entries.map(([name, all]) => [`workers.${name}`, ratioOf(all[1]!, all[2]!)])),
  };
}

/** One worker; then, for each count, that many on one pool and that many that share nothing. */
function replacing(load: Load, counts: readonly number[]): Scenario[] {
  const parts = (count: number, shared: boolean) => (): Part[] => {
    return Array.from({ length: count }, () => ({ load, shared }));
  };
  return [
    scenario(1, ALONE, parts(1, true)),
    ...counts.flatMap((count) => [
      scenario(count, SHARING, parts(count, true)),
      scenario(count, APART, parts(count, false)),
    ]),
  ];
}

const ALONE = "alone";
const SHARING = "on one pool";
const APART = "that share nothing";

function recordsOf(load: Load): { records?: Records } {
  if (load === "records") return { records: newRecords() };
  return load === "scattered" ? { records: newScatteredRecords() } : {};
}

function handingOver(): Record<string, Scenario[]> {
  const alone = (load: Load, shared: boolean): Part => {
    const ring = newRing();
    return { load, shared, send: ring, receive: ring, ...recordsOf(load) };
  };
  const oneWay = (load: Load): Part[] => {
    const [ring, records] = [newRing(), recordsOf(load)];
    return [{ load, shared: true, send: ring, ...records }, { load, shared: true, receive: ring, ...records }];
  };
  const bothWays = (load: Load): Part[] => {
    const [one, other] = [newRing(), newRing()];
    return [{ load, shared: true, send: one, receive: other }, { load, shared: true, send: other, receive: one }];
  };
  const handing = (load: Load, parts: () => Part[]): Scenario[] => [
    scenario(1, ALONE, () => [alone(load, true)]),
    scenario(2, SHARING, parts),
    scenario(2, APART, () => [alone(load, false), alone(load, false)]),
  ];
  return {
    "one way": handing("exchange", () => oneWay("exchange")),
    "one way of records, without a pool": handing("records", () => oneWay("records")),
    "one way of scattered records, without a pool": handing("scattered", () => oneWay("scattered")),
    "ping-pong": handing("exchange", () => bothWays("exchange")),
    "ping-pong of numbers, without a pool": handing("numbers", () => bothWays("numbers")),
  };
}

function scenario(workers: number, series: string, parts: () => readonly Part[]): Scenario {
  return { name: `${workers} worker${workers === 1 ? "" : "s"} ${series}`, series, workers, parts, rates: [] };
}

async function rateOf({ parts }: Scenario, workers: readonly TestWorker[], milliseconds: number): Promise<number> {
  const control = sharedWords(CONTROL_WORDS);
  const jobs = parts().map((part, index): Job => ({ ...part, control, seed: index + 1 }));
  const replies = jobs.map((job, index) => workers[index]!.call<Done>(job));
  while (Atomics.load(control, READY) < jobs.length) await Promise.race([sleep(1), Promise.all(replies)]);
  Atomics.store(control, GO, 1);
  Atomics.notify(control, GO);
  await sleep(milliseconds);
  Atomics.store(control, STOP, 1);
  const done = await Promise.all(replies);
  const rate = done.reduce((sum, { operations, milliseconds }) => sum + operations / milliseconds / 1000, 0);
  return Math.max(rate, LEAST);
}

function ratioOf(one: Scenario, other: Scenario): number {
  return median(one.rates.map((rate, round) => rate / other.rates[round]!));
}

function tableOf(name: string, scenarios: readonly Scenario[]): Table {
  const rows = scenarios.map((each, index): Row => {
    const { series, workers: at } = each;
    const row: Row = { name: each.name, unit: "M/s", mean: median(each.rates), series, at };
    if (index === 0) return row;
    // Workers on one pool are compared with those that share nothing, in the next row, and these with one worker.
    const control = index % 2 === 1 ? scenarios[index + 1]! : scenarios[0]!;
    return { ...row, ratio: ratioOf(each, control), to: control.name };
  });
  return { title: `Workers, ${name}`, rows };
}
