import { COALESCED, EXHAUSTED, GROWN, LOCK_ACQUISITIONS, LOCK_CONTENDED, OWNER_DEATHS } from "../region/layout.ts";
import { type BlockTable, usageOf } from "../region/block_table.ts";
import { validLength } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

/**
 * A pool at one moment. The three kinds of blocks add up: `allocatedBlocks + cachedBlocks + freeBlocks === blockCount`.
 *
 * @example Internal waste
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool } from "mempool";
 *
 * using pool = MemPool.init(1024, 64);
 * pool.alloc(100);
 * const { allocatedBlocks, requestedBytes, blockSize } = pool.stats();
 * assertEquals(allocatedBlocks * blockSize - requestedBytes, 28);
 * ```
 */
export interface MemPoolStats {
  /** Bytes that blocks can occupy. */
  readonly size: number;
  /** Bytes of a block. */
  readonly blockSize: number;
  /** Number of blocks. */
  readonly blockCount: number;
  /** Blocks that are handed out. */
  readonly allocatedBlocks: number;
  /** Free blocks that some worker keeps at hand, or that are on their way from one worker to another. */
  readonly cachedBlocks: number;
  /** Free blocks that no worker keeps. */
  readonly freeBlocks: number;
  /** The most blocks ever handed out at a time; with several workers, give or take what they have cached. */
  readonly peakAllocatedBlocks: number;
  /** Bytes that callers asked for; the rest of `allocatedBlocks * blockSize` is internal waste. */
  readonly requestedBytes: number;
  /** Blocks in the longest run of free and cached ones. */
  readonly largestFreeRun: number;
  /** `1 - largestFreeRun / (freeBlocks + cachedBlocks)`; 0 in an empty or full pool. */
  readonly fragmentation: number;
  /** Blocks or runs of blocks handed out so far; a `realloc` does not count. */
  readonly allocs: number;
  /** Blocks or runs of blocks given back so far; a `realloc` does not count. */
  readonly frees: number;
  /** Times that two neighbouring runs became one. */
  readonly coalesced: number;
  /** Requests that no run fitted, each a `null` or -1. */
  readonly exhausted: number;
  /** Times that the pool grew. */
  readonly grown: number;
  /** Times that a worker took the lock. */
  readonly lockAcquisitions: number;
  /** Times that it had to wait for the lock. */
  readonly lockContended: number;
  /** Workers attached now. */
  readonly workers: number;
  /** Workers that ended while they held the lock. */
  readonly ownerDeaths: number;
}

interface Census {
  allocated: number;
  cached: number;
  requested: number;
  largest: number;
}

/** Counts the pool. The caller holds the lock. Cost: one step for every run. */
export function collectStats({ counters, table, slots, blockSize }: Region): MemPoolStats {
  const { allocated, cached, requested, largest } = takeCensus(table);
  const blockCount = table.blockCount;
  const available = blockCount - allocated;
  return {
    size: blockCount * blockSize,
    blockSize,
    blockCount,
    allocatedBlocks: allocated,
    cachedBlocks: cached,
    freeBlocks: available - cached,
    peakAllocatedBlocks: Math.max(slots.peak(), allocated),
    requestedBytes: requested,
    largestFreeRun: largest,
    fragmentation: available === 0 || available === blockCount ? 0 : 1 - largest / available,
    allocs: slots.allocs(),
    frees: slots.frees(),
    coalesced: counters[COALESCED]!,
    exhausted: counters[EXHAUSTED]!,
    grown: counters[GROWN]!,
    lockAcquisitions: counters[LOCK_ACQUISITIONS]!,
    lockContended: counters[LOCK_CONTENDED]!,
    workers: slots.countWorkers(),
    ownerDeaths: counters[OWNER_DEATHS]!,
  };
}

function takeCensus(table: BlockTable): Census {
  const census: Census = { allocated: 0, cached: 0, requested: 0, largest: 0 };
  let available = 0;
  for (let block = 0; block < table.blockCount;) {
    const length = validLength(table, block);
    const usage = usageOf(table.loadTag(block));
    if (usage === "allocated") {
      available = 0;
      census.allocated += length;
      census.requested += table.requested(block);
    } else {
      available += length;
      census.largest = Math.max(census.largest, available);
      if (usage === "cached") census.cached += length;
    }
    block += length;
  }
  return census;
}
