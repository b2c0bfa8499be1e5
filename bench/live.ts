/**
 * Replacing random blocks while 1,000 to 1,000,000 are live: what the size of the work costs. Constant-time algorithms
 * alone do not make it flat, the machine's caches are missed more often; malloc with as many live shows by how much.
 *
 * Every operation takes the next number of the same generator on both sides, frees the block at that place of an array
 * and puts a new one there. Nobody touches the blocks' contents. Of as many ArrayBuffers, only to ask a random one for its
 * length is measured too: without that, nobody can tell which block is to be freed.
 */

import { MemPool } from "../mod.ts";
import { loadFloor } from "./_floor.ts";
import { compare, type Contender, keep, ratioOf, rowOf, type Series, seriesNamed } from "./_measure.ts";
import type { GroupResult, Settings, Table } from "./_types.ts";

const BYTES = 200;
const BLOCK = 256;
const OPERATIONS = 4000;
const COUNTS = [1000, 10_000, 100_000, 1_000_000];
const QUICK_COUNTS = [1000, 2000];

const NATIVE = "malloc + free in C";
const OFFSET_TIER = "pool, offset tier";
const BUFFER_TIER = "pool, ArrayBuffer tier";
const LOOK = "asking an ArrayBuffer for its length";

interface Side {
  readonly contender: Contender;
  close(): void;
}

export async function run(settings: Settings): Promise<GroupResult> {
  const counts = settings.quick ? QUICK_COUNTS : COUNTS;
  // A million ArrayBuffers make each of the collections between the turns take long, and no target asks for them.
  const bufferCounts = counts.slice(0, settings.quick ? 2 : 3);
  const offsets = measure(counts, [nativeSide, offsetSide], settings);
  const buffers = measure(bufferCounts, [nativeSide, bufferSide, lookSide], settings);
  return {
    tables: [
      tableOf("offset tier", [OFFSET_TIER], counts, offsets),
      tableOf("ArrayBuffer tier", [BUFFER_TIER, LOOK], bufferCounts, buffers),
    ],
    measured: {
      ...figures("live.offset", OFFSET_TIER, counts.at(-1)!, offsets),
      ...figures("live.buffer", BUFFER_TIER, bufferCounts.at(-1)!, buffers),
    },
  };
}

function nameOf(side: string, count: number): string {
  return `${side}, ${count.toLocaleString("en-US")} live`;
}

type MakeSide = (count: number, set: number) => Side;

function measure(counts: readonly number[], makers: readonly MakeSide[], settings: Settings): Series[] {
  const sides = counts.flatMap((count, set) => makers.map((make) => make(count, set)));
  const series = compare(sides.map(({ contender }) => contender), settings);
  for (const side of sides) side.close();
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

function offsetSide(count: number): Side {
  const pool = poolFor(count);
  const offsets = Array.from({ length: count }, () => pool.allocOffset(BYTES));
  let seed = 1;
  return {
    contender: {
      name: nameOf(OFFSET_TIER, count),
      operations: OPERATIONS,
      run: () => {
        for (let i = 0; i < OPERATIONS; i++) {
          seed = Math.imul(seed, 1664525) + 1013904223 | 0;
          const at = Math.trunc((seed >>> 0) * (count / 2 ** 32));
          pool.freeOffset(offsets[at]!);
          offsets[at] = pool.allocOffset(BYTES);
        }
      },
    },
    close: () => pool.destroy(),
  };
}

function bufferSide(count: number): Side {
  const pool = poolFor(count);
  const blocks = Array.from({ length: count }, () => pool.alloc(BYTES)!);
  let seed = 1;
  return {
    contender: {
      name: nameOf(BUFFER_TIER, count),
      operations: OPERATIONS,
      run: () => {
        for (let i = 0; i < OPERATIONS; i++) {
          seed = Math.imul(seed, 1664525) + 1013904223 | 0;
          const at = Math.trunc((seed >>> 0) * (count / 2 ** 32));
          pool.free(blocks[at]!);
          blocks[at] = pool.alloc(BYTES)!;
        }
      },
    },
    close: () => pool.destroy(),
  };
}

function lookSide(count: number): Side {
  const pool = poolFor(count);
  const blocks = Array.from({ length: count }, () => pool.alloc(BYTES)!);
  let seed = 1;
  let bytes = 0;
  return {
    contender: {
      name: nameOf(LOOK, count),
      operations: OPERATIONS,
      run: () => {
        for (let i = 0; i < OPERATIONS; i++) {
          seed = Math.imul(seed, 1664525) + 1013904223 | 0;
          bytes += blocks[Math.trunc((seed >>> 0) * (count / 2 ** 32))]!.byteLength;
        }
        keep.value = bytes;
      },
    },
    close: () => pool.destroy(),
  };
}

/** Half of it stays free. */
function poolFor(count: number): MemPool {
  return MemPool.init(2 * count * BLOCK, BLOCK);
}
