/**
 * Replacing random blocks while 1,000 to 1,000,000 are live: the effect of the number of live blocks. The algorithms
 * take constant time, but misses of the processor's caches grow with the number. malloc with as many live shows by how
 * much.
 *
 * An operation takes the next number of the same generator on both sides, frees the block at that place of an array,
 * and puts a new one there. The contents of the blocks are not touched. Two controls measure what no pool can avoid.
 * For offsets it is one exchange in a random one of as many records, without which some double frees are missed. For
 * ArrayBuffers it is asking a random one for its length, without which the block to free is not known. Each number has
 * an engine of its own. malloc is measured in the main thread, where it behaves as in a C program with one thread.
 */

import { type Engine, type Side, startEngine } from "./_engine.ts";
import { loadFloor } from "./_floor.ts";
import { BUFFER_TIER, BYTES, EXCHANGE, LOOK, nameOf, OFFSET_TIER, OPERATIONS } from "./_live_sides.ts";
import { compare, ratioOf, rowOf, type Series, seriesNamed } from "./_measure.ts";
import type { GroupResult, Settings, Table } from "./_types.ts";

const COUNTS = [1000, 10_000, 100_000, 1_000_000];
const QUICK_COUNTS = [1000, 2000];

const NATIVE = "malloc + free in C";

export async function run(settings: Settings): Promise<GroupResult> {
  const counts = settings.quick ? QUICK_COUNTS : COUNTS;
  // With a million ArrayBuffers, each garbage collection between turns would take long, and no target needs them.
  const bufferCounts = counts.slice(0, settings.quick ? 2 : 3);
  const offsets = await measure("offsetSides", counts, settings);
  const buffers = await measure("bufferSides", bufferCounts, settings);
  return {
    tables: [
      tableOf("offset tier", [OFFSET_TIER, EXCHANGE], counts, offsets),
      tableOf("ArrayBuffer tier", [BUFFER_TIER, LOOK], bufferCounts, buffers),
    ],
    measured: {
      ...figures("live.offset", OFFSET_TIER, counts.at(-1)!, offsets),
      ...figures("live.buffer", BUFFER_TIER, bufferCounts.at(-1)!, buffers),
    },
  };
}

async function measure(make: string, counts: readonly number[], settings: Settings): Promise<Series[]> {
  const native = counts.map((count, set) => nativeSide(count, set));
  const engines: Engine[] = [];
  for (const count of counts) engines.push(await startEngine(new URL("_live_sides.ts", import.meta.url), make, count));
  const contenders = engines.flatMap((engine, at) => [native[at]!.contender, ...engine.contenders]);
  const series = await compare(contenders, settings);
  for (const side of native) side.close();
  for (const engine of engines) await engine.close();
  return series;
}

function tableOf(
  title: string,
  sides: readonly string[],
  counts: readonly number[],
  series: readonly Series[],
): Table {
  const rows = counts.flatMap((count) => {
    const native = nameOf(NATIVE, count);
    return [
      { ...rowOf(seriesNamed(series, native)), series: NATIVE, at: count },
      ...sides.map((side) => {
        return { ...rowOf(seriesNamed(series, nameOf(side, count)), series, native), series: side, at: count };
      }),
    ];
  });
  return { title: `Replacing one of so many live blocks at random, ${title}`, rows };
}

function figures(name: string, side: string, most: number, series: readonly Series[]): Record<string, number> {
  const large = seriesNamed(series, nameOf(side, most));
  return {
    [`${name}.growth`]: ratioOf(large, seriesNamed(series, nameOf(side, 1000))),
    [`${name}.native`]: ratioOf(large, seriesNamed(series, nameOf(NATIVE, most))),
  };
}

function nativeSide(count: number, set: number): Side {
  const floor = loadFloor();
  floor.fill(set, count, BYTES);
  return {
    contender: {
      name: nameOf(NATIVE, count),
      operations: OPERATIONS,
      run: () => floor.replaceRandom(set, OPERATIONS),
    },
    close: () => floor.empty(set),
  };
}
