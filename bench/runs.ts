/**
 * Runs of 2 to 64 blocks in a fragmented pool. Each operation frees a random run and allocates one of another random
 * length, so that runs are split and coalesced all the time. Pools of 1,000 to 1,000,000 blocks, each with a third of
 * its blocks allocated. An allocation that does not fit, as happens occasionally in the small pool, leaves its place
 * empty and counts as an operation.
 */

import { MemPool } from "../mod.ts";
import { compare, type Contender, ratioOf, rowOf } from "./_measure.ts";
import type { GroupResult, Settings } from "./_types.ts";

const BLOCK = 64;
const SHORTEST = 2;
const LONGEST = 64;
const MEAN = (SHORTEST + LONGEST) / 2;
const OPERATIONS = 1000;

export async function run(settings: Settings): Promise<GroupResult> {
  const counts = settings.quick ? [1000, 10_000] : [1000, 30_000, 1_000_000];
  const sides = counts.map((count) => sideOf(count));
  const series = await compare(sides.map(({ contender }) => contender), settings);
  const refused = sides.map((side) => `${side.refused().toFixed(1)} %`);
  for (const { pool } of sides) {
    pool.check();
    pool.destroy();
  }
  return {
    tables: [{
      title: `Replacing runs of ${SHORTEST} to ${LONGEST} blocks at random, offset tier`,
      rows: series.map((each) => rowOf(each, series, series[0]!.name)),
      note: `Operations that found no run long enough: ${refused.join(", ")}.`,
    }],
    measured: { "runs.growth": ratioOf(series.at(-1)!, series[0]!) },
  };
}

interface Side {
  readonly contender: Contender;
  readonly pool: MemPool;
  /** The percentage of operations that found no room. */
  refused(): number;
}

function sideOf(blockCount: number): Side {
  const pool = MemPool.init(blockCount * BLOCK, BLOCK);
  const places = Math.floor(blockCount / 3 / MEAN);
  const runs: number[] = new Array(places).fill(-1);
  let seed = 1;
  let operations = 0;
  let refused = 0;
  const random = (below: number): number => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    return Math.trunc((seed >>> 0) * (below / 2 ** 32));
  };
  const replace = (at: number): void => {
    const run = runs[at]!;
    if (run !== -1) pool.freeOffset(run);
    runs[at] = pool.allocOffset((SHORTEST + random(LONGEST - SHORTEST + 1)) * BLOCK);
    if (runs[at] === -1) refused++;
  };
  const contender: Contender = {
    name: `${blockCount.toLocaleString("en-US")} blocks`,
    operations: OPERATIONS,
    run: () => {
      for (let i = 0; i < OPERATIONS; i++) replace(random(places));
      operations += OPERATIONS;
    },
  };
  // Replaces every run several times, which fragments the pool like a long use.
  for (let round = 0; round < 4; round++) {
    for (let at = 0; at < places; at++) replace(at);
  }
  refused = 0;
  return { contender, pool, refused: () => 100 * refused / operations };
}
