/**
 * Bursts: many frees in a row, then as many allocations. Programs that build and drop whole structures work like that: a
 * search's frontier, a parser's tree, a frame, a batch of requests.
 *
 * - A random half of n live blocks is freed, then as many are allocated again. Both passes go through an array of the
 *   blocks, and a random bit decides about each.
 * - All n blocks are freed, in the order in which they were allocated, in reverse or in a shuffled order that is the
 *   same every time; then n are allocated.
 *
 * malloc and free in C do the same with the same random numbers, and so does mimalloc, if it is installed. The contents
 * of the blocks are not touched. A figure is the time of one free and one allocation. Each number of blocks has an
 * engine of its own; C is measured in the main thread, where malloc behaves as in a program with one thread.
 */

import { type Kind, KINDS } from "./_bursts_kinds.ts";
import {
  BUFFER_TIER,
  bufferSides,
  BYTES,
  nameOf,
  OFFSET_TIER,
  offsetSides,
  pairsFor,
  shuffled,
} from "./_bursts_sides.ts";
import { type Engine, type Side, startEngine } from "./_engine.ts";
import { loadFloor } from "./_floor.ts";
import { compare, ratioOf, rowOf, type Series, seriesNamed } from "./_measure.ts";
import type { GroupResult, Settings, Table } from "./_types.ts";

const COUNTS = [1000, 10_000, 100_000, 1_000_000];
/** All blocks at once, and the ArrayBuffer tier. */
const ALL_COUNTS = [1000, 10_000, 100_000];
const BUFFER_COUNTS = [1000, 10_000];

const ALLOCATORS = ["malloc + free in C", "mimalloc in C"];

export async function run(settings: Settings): Promise<GroupResult> {
  const counts = settings.quick ? COUNTS.slice(0, 1) : COUNTS;
  const engines: Engine[] = [];
  for (const count of counts) {
    engines.push(await startEngine(new URL("_bursts_sides.ts", import.meta.url), offsetSides.name, count));
    if (!BUFFER_COUNTS.includes(count)) continue;
    engines.push(await startEngine(new URL("_bursts_sides.ts", import.meta.url), bufferSides.name, count));
  }
  const native = nativeSides(counts);
  const contenders = [...native.map(({ contender }) => contender), ...engines.flatMap((engine) => engine.contenders)];
  const series = await compare(contenders, settings);
  for (const { close } of native) close();
  for (const engine of engines) await engine.close();

  const kinds = Object.keys(KINDS) as Kind[];
  const measured = kinds.flatMap((kind) =>
    [["offset", OFFSET_TIER], ["ArrayBuffer", BUFFER_TIER]].map(([tier, side]): [string, number] => {
      const ratios = countsOf(kind, counts).flatMap((count) => {
        const one = series.find(({ name }) => name === nameOf(side!, kind, count));
        return one === undefined ? [] : [ratioOf(one, seriesNamed(series, nameOf(ALLOCATORS[0]!, kind, count)))];
      });
      return [`bursts.${tier}.${kind}`, Math.max(...ratios)];
    })
  );
  const tables = kinds.map((kind) => tableOf(kind, countsOf(kind, counts), series));
  return { tables, measured: Object.fromEntries(measured) };
}

function countsOf(kind: Kind, counts: readonly number[]): readonly number[] {
  return kind === "a random half" ? counts : counts.filter((count) => ALL_COUNTS.includes(count));
}

function nativeSides(counts: readonly number[]): Side[] {
  const floor = loadFloor();
  const known = floor.hasMimalloc() === 1 ? [0, 1] : [0];
  let set = 0;
  return (Object.keys(KINDS) as Kind[]).flatMap((kind) =>
    countsOf(kind, counts).flatMap((count) =>
      known.map((allocator): Side => {
        const [mine, order, pairs] = [set++, shuffled(count), pairsFor(count)];
        floor.burstFill(mine, count, BYTES, allocator);
        const operations = floor.burst(mine, KINDS[kind], allocator, pairs, order);
        return {
          contender: {
            name: nameOf(ALLOCATORS[allocator]!, kind, count),
            operations,
            run: () => void floor.burst(mine, KINDS[kind], allocator, pairs, order),
          },
          close: () => {},
        };
      })
    )
  );
}

function tableOf(kind: Kind, counts: readonly number[], series: readonly Series[]): Table {
  const rows = counts.flatMap((count) => {
    const control = nameOf(ALLOCATORS[0]!, kind, count);
    return [...ALLOCATORS, OFFSET_TIER, BUFFER_TIER].flatMap((side) => {
      const one = series.find(({ name }) => name === nameOf(side, kind, count));
      return one === undefined ? [] : [{ ...rowOf(one, series, control), series: side, at: count }];
    });
  });
  return { title: `Bursts: ${kind} of so many blocks is freed, then allocated again`, rows };
}
