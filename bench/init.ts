/** The time to create a pool of 4 GiB, against one of 4 MiB. Destroying it is not measured. */

import { GIGABYTE, MEGABYTE, MemPool } from "../mod.ts";
import { collectGarbage, median } from "./_measure.ts";
import type { GroupResult, Row, Settings } from "./_types.ts";

const BLOCK = 256;

export async function run(settings: Settings): Promise<GroupResult> {
  const sizes = { "4 MiB": 4 * MEGABYTE, "4 GiB": 4 * GIGABYTE };
  const times = new Map(Object.keys(sizes).map((name) => [name, [] as number[]]));
  const turns = settings.quick ? 1 : 4 * settings.rounds;
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, size] of Object.entries(sizes)) times.get(name)!.push(timeOfInit(size));
  }
  const rows = [...times].map(([name, taken]) => rowOf(name, taken));
  return {
    tables: [{ title: "MemPool.init", rows }],
    measured: { "init.difference": rows[1]!.mean - rows[0]!.mean },
  };
}

/** In milliseconds. */
function timeOfInit(size: number): number {
  collectGarbage();
  const began = performance.now();
  const pool = MemPool.init(size, BLOCK);
  const took = performance.now() - began;
  pool.destroy();
  return took;
}

function rowOf(name: string, times: readonly number[]): Row {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = median(sorted);
  return { name, unit: "ms", mean: middle, p50: middle, p99: sorted[Math.floor(0.99 * (sorted.length - 1))]! };
}
