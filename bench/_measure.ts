/**
 * Compares contenders within one run. The ratios are reliable even on a shared machine whose speed changes from second
 * to second, where the times are not.
 *
 * - A run consists of rounds. In each round every contender has one turn, in alternating order, after a garbage
 *   collection. Ratios are taken within a round; the result is the median over the rounds.
 * - The mean is the processor time of the process for a whole turn, divided by the number of operations. It includes
 *   garbage collection, also on the engines' helper threads, but not the time in which other programs had the
 *   processor. On an idle machine it agrees with the wall clock. The percentiles come from the wall clock, over the
 *   samples of a turn.
 * - A contender is a function with its own loop over many operations. So it warms up like a user's loop, the cost of
 *   the timer is negligible, and no contender makes the calls of another one megamorphic. The first rounds, in which
 *   the compilers work, do not count.
 * - Contenders store what they allocate in `keep`, so that the compilers cannot remove the allocation.
 *
 * tinybench takes the samples. On functions like these its results agree with those of mitata to within 1 %, and it is
 * maintained.
 */

import { Bench } from "tinybench";
import { loadFloor } from "./_floor.ts";
import type { Row, Settings } from "./_types.ts";

export interface Contender {
  readonly name: string;
  /** The number of operations in one call of `run`. They should take at least some microseconds. */
  readonly operations: number;
  readonly run: () => void;
  /** Called before and after each turn, outside the measurement. */
  readonly before?: () => void;
  readonly after?: () => void;
  /** The number of calls of `run` in a turn. Without it, a turn lasts a fixed time. */
  readonly calls?: number;
}

/** A contender in another thread: see bench/_engine.ts. */
export interface DistantContender {
  readonly name: string;
  readonly turn: (settings: Settings) => Promise<Turn>;
}

/** The times of one contender in each round, in nanoseconds for each operation. */
export interface Series {
  readonly name: string;
  readonly rounds: readonly Turn[];
}

export interface Turn {
  /** From the processor time of the whole turn. */
  readonly mean: number;
  /** Percentiles over the samples. A sample is one call of `run`. */
  readonly p50: number;
  readonly p99: number;
}

/** The length of one turn of one contender, in milliseconds. */
const TURN = 50;
const WARM_UPS = 3;

/** Runs all rounds. The series are in the order of the contenders. */
export async function compare(
  contenders: readonly (Contender | DistantContender)[],
  settings: Settings,
): Promise<Series[]> {
  const series = contenders.map(({ name }) => ({ name, rounds: [] as Turn[] }));
  const warmUps = settings.quick ? 0 : WARM_UPS;
  for (let round = -warmUps; round < settings.rounds; round++) {
    const order = [...contenders.keys()];
    if (round % 2 !== 0) order.reverse();
    for (const index of order) {
      const contender = contenders[index]!;
      const turn = "turn" in contender ? await contender.turn(settings) : takeTurn(contender, settings);
      if (round >= 0) series[index]!.rounds.push(turn);
    }
  }
  return series;
}

/** Runs one turn of a contender in this thread. */
export function takeTurn(contender: Contender, { quick }: Settings): Turn {
  contender.before?.();
  collectGarbage();
  const time = quick || contender.calls !== undefined ? 0 : TURN;
  const iterations = quick ? Math.min(2, contender.calls ?? 2) : contender.calls ?? 12;
  const bench = new Bench({ time, iterations, warmup: false, throws: true, timestampProvider: "auto" });
  bench.add(contender.name, contender.run, { async: false });
  const began = processorTime();
  const [task] = bench.runSync();
  const took = processorTime() - began;
  contender.after?.();
  const result = task!.result;
  if (!("latency" in result)) throw new Error(`Cannot measure ${contender.name}: its state is ${result.state}`);
  const { p50, p99 } = result.latency;
  const { operations } = contender;
  return { mean: took / (task!.runs * operations), p50: p50 * 1e6 / operations, p99: p99 * 1e6 / operations };
}

const { processorTime } = loadFloor();

/** Collects between turns, so that no contender pays for the garbage of another one. */
export function collectGarbage(): void {
  const { Bun: bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  if (bun !== undefined) bun.gc(true);
  else if (gc !== undefined) gc();
  else throw new Error("Cannot collect garbage: bench/_group.ts must run with --v8-flags=--expose-gc");
}

/** Holds the last allocation of a contender. */
export const keep: { value: unknown } = { value: undefined };

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The time of `one` divided by that of `other`: the median over the rounds. */
export function ratioOf(one: Series, other: Series): number {
  return median(one.rounds.map(({ mean }, round) => mean / other.rounds[round]!.mean));
}

export function seriesNamed(series: readonly Series[], name: string): Series {
  const found = series.find((each) => each.name === name);
  if (found === undefined) throw new Error(`No contender is called ${name}`);
  return found;
}

/** Makes a row of a table. `control` is the name of the series to compare with. */
export function rowOf(one: Series, series: readonly Series[] = [], control?: string): Row {
  const medianOf = (figure: keyof Turn): number => median(one.rounds.map((round) => round[figure]));
  const row: Row = { name: one.name, unit: "ns", mean: medianOf("mean"), p50: medianOf("p50"), p99: medianOf("p99") };
  if (control === undefined || control === one.name) return row;
  return { ...row, ratio: ratioOf(one, seriesNamed(series, control)), to: control };
}
