/** Checks of the list that `pool.blocks()` returns. */

import { assert, assertEquals, fail } from "@std/assert";
import type { BlockInfo, MemPool } from "mempool";
import { LONGEST_SHORT_RUN } from "../../src/region/layout.ts";

/** Expects valid runs that cover the pool without a gap or an overlap, and returns them. The pool may grow meanwhile. */
export function assertTiles(pool: MemPool): BlockInfo[] {
  const sizeBefore = pool.size;
  const all = [...pool.blocks()];
  let end = 0;
  for (const run of all) {
    const fault = faultOf(run, end, pool.blockSize);
    if (fault !== undefined) fail(fault);
    end += run.byteLength;
  }
  assert(end >= sizeBefore && end <= pool.size, `the runs end at ${end}, the pool at ${pool.size}`);
  return all;
}

/**
 * The fault of a run that should start at `start`. Only a fault builds a message: tests check millions of runs.
 */
function faultOf(
  { offset, byteLength, state, owner }: BlockInfo,
  start: number,
  blockSize: number,
): string | undefined {
  if (offset !== start) return `a run starts at ${offset}, the one before ends at ${start}`;
  if (!(byteLength > 0) || byteLength % blockSize !== 0) return `a run of ${byteLength} bytes`;
  if (state === "cached" && byteLength > LONGEST_SHORT_RUN * blockSize) return `a run of ${byteLength} bytes is cached`;
  if (state === "free" && owner !== 0) return `worker ${owner} owns a free run`;
  return undefined;
}

/** As `assertTiles`, for a pool that no other thread uses: `stats` must count as many blocks in each state. */
export function assertExact(pool: MemPool): BlockInfo[] {
  const all = assertTiles(pool);
  const { allocatedBlocks, cachedBlocks, freeBlocks } = pool.stats();
  assertEquals(
    { allocatedBlocks, cachedBlocks, freeBlocks },
    { allocatedBlocks: count("allocated"), cachedBlocks: count("cached"), freeBlocks: count("free") },
  );
  return all;

  function count(state: BlockInfo["state"]): number {
    const bytes = all.filter((run) => run.state === state).reduce((sum, { byteLength }) => sum + byteLength, 0);
    return bytes / pool.blockSize;
  }
}

/** Shows runs as one line: `0-2 allocated 1` stands for the blocks 0 and 1, allocated by worker 1. */
export function mapOf(blockSize: number, runs: Iterable<BlockInfo>): string {
  return Array.from(runs, ({ offset, byteLength, state, owner }) => {
    const first = offset / blockSize;
    return `${first}-${first + byteLength / blockSize} ${state}${owner === 0 ? "" : ` ${owner}`}`;
  }).join(", ");
}
