/**
 * Measures contenders against each other within one run, so that the ratios hold where the figures do not: on a machine
 * that others use too, whose clock changes by the second.
 *
 * - Time goes by rounds. In each every contender has its turn, in alternating order, after a garbage collection; a ratio
 *   is taken within a round, and the median of the rounds counts.
 * - What counts is the process's processor time of a whole turn by its operations. What collections cost is in it, for
 *   the engines wait for their helping threads; the time in which other programs had the processor is not. On an idle
 *   machine it agrees with the clock on the wall. The percentiles are of that clock, over the samples of a turn.
 * - A contender is a function with its own loop over many operations. So it warms up as a user's loop does, the timer
 *   costs nothing beside it, and no contender makes another's calls megamorphic. The first rounds, in which the
 *   compilers work, do not count.
 * - What is allocated goes where the compilers cannot see that nobody wants it: into `keep`.
 *
 * tinybench takes the samples. On such functions it measures what mitata does, to within 1 %, and it is kept up.
 */

import { Bench } from "tinybench";
import { loadFloor } from "./_floor.ts";
import type { Row, Settings } from "./_types.ts";

export interface Contender {
  readonly name: string;
  /** How many operations one call of `run` does: some microseconds' worth at least. */
  readonly operations: number;
  readonly run: () => void;
  /** Before and after each turn, not measured. */
  readonly before?: () => void;
  readonly after?: () => void;
  /** How often `run` is called in a turn, where it cannot be called for as long as the clock says. */
  readonly calls?: number;
}

/** A contender elsewhere: see bench/_engine.ts. */
export interface DistantContender {
  readonly name: string;
  readonly turn: (settings: Settings) => Promise<Turn>;
}

/** What one contender took for one operation in each round, in nanoseconds. */
export interface Series {
  readonly name: string;
  readonly rounds: readonly Turn[];
}

export interface Turn {
  /** Processor time of the whole turn. */
  readonly mean: number;
  /** Of the samples, which are one call of `run` each. */
  readonly p50: number;
  readonly p99: number;
}

/** Milliseconds for one turn of one contender. */
const TURN = 50;
const WARM_UPS = 3;

/** Takes the turns. The series are in the order of the contenders. */
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

/** One turn of a contender of this thread. */
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
  if (!("latency" in result)) throw new Error(`Cannot measure ${contender.name}: it ended as ${result.state}`);
  const { p50, p99 } = result.latency;
  const { operations } = contender;
  return { mean: took / (task!.runs * operations), p50: p50 * 1e6 / operations, p99: p99 * 1e6 / operations };
}

const { processorTime } = loadFloor();

/** Not left to the moment: a collection falls on whoever runs then, and not on who made the garbage. */
export function collectGarbage(): void {
  const { Bun: bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  if (bun !== undefined) bun.gc(true);
  else if (gc !== undefined) gc();
  else throw new Error("Cannot collect garbage: bench/_group.ts must run with --v8-flags=--expose-gc");
}

/** Holds what a contender made last. */
export const keep: { value: unknown } = { value: undefined };

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How many times as long `one` takes as `other`: the median over the rounds. */
export function ratioOf(one: Series, other: Series): number {
  return median(one.rounds.map(({ mean }, round) => mean / other.rounds[round]!.mean));
}

export function seriesNamed(series: readonly Series[], name: string): Series {
  const found = series.find((each) => each.name === name);
  if (found === undefined) throw new Error(`No contender is called ${name}`);
  return found;
}

/** A line of a table; `control` names the series to compare with. */
export function rowOf(one: Series, series: readonly Series[] = [], control?: string): Row {
  const medianOf = (figure: keyof Turn): number => median(one.rounds.map((round) => round[figure]));
  const row: Row = { name: one.name, unit: "ns", mean: medianOf("mean"), p50: medianOf("p50"), p99: medianOf("p99") };
  if (control === undefined || control === one.name) return row;
  return { ...row, ratio: ratioOf(one, seriesNamed(series, control)), to: control };
}
