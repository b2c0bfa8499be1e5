import { type BlockTable, usageOf } from "../region/block_table.ts";
import { COALESCED, EXHAUSTED, GROWN, LOCK_ACQUISITIONS, LOCK_CONTENDED, OWNER_DEATHS } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { validLength } from "../region/validate.ts";

/**
 * The state of a pool at one moment, and counts of what has happened since it was made. All numbers are whole numbers
 * from 0 up, except `fragmentation`. Every block is allocated, cached or free, so
 * `allocatedBlocks + cachedBlocks + freeBlocks === blockCount`.
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
  /** Bytes that blocks can occupy now: `blockCount * blockSize`. It increases when the pool grows. */
  readonly size: number;
  /** Bytes of a block. */
  readonly blockSize: number;
  /** Number of blocks. */
  readonly blockCount: number;
  /** Blocks that are handed out. */
  readonly allocatedBlocks: number;
  /** Free blocks in a worker's cache, or on their way from one worker's cache to another's. */
  readonly cachedBlocks: number;
  /** Free blocks outside the caches. */
  readonly freeBlocks: number;
  /**
   * The most blocks that were ever allocated at one time. Exact for one worker; with several, it may differ from the
   * truth by the number of blocks that they have cached.
   */
  readonly peakAllocatedBlocks: number;
  /** Bytes that callers asked for. The rest of `allocatedBlocks * blockSize` is internal waste. */
  readonly requestedBytes: number;
  /** Length in blocks of the longest run of free and cached blocks. */
  readonly largestFreeRun: number;
  /** From 0 to below 1: `1 - largestFreeRun / (freeBlocks + cachedBlocks)`, and 0 in an empty or a full pool. */
  readonly fragmentation: number;
  /** Allocations so far, each of a block or a run of blocks. A `realloc` does not count. */
  readonly allocs: number;
  /** Frees so far, each of a block or a run of blocks. A `realloc` does not count. */
  readonly frees: number;
  /** Times that two adjacent runs were joined. */
  readonly coalesced: number;
  /** Requests that no run could fulfil. Each returned `null` or -1. */
  readonly exhausted: number;
  /** Times that the pool grew. */
  readonly grown: number;
  /** Times that a worker acquired the lock. */
  readonly lockAcquisitions: number;
  /** Times that a worker had to wait for the lock. */
  readonly lockContended: number;
  /** Workers that are attached now, at most 128. A dead worker counts until `reap`, or until another takes its slot. */
  readonly workers: number;
  /** Times that a worker died while it held the lock. */
  readonly ownerDeaths: number;
}

/** What one walk over the table counts: blocks, bytes asked for, and the longest run that is not allocated. */
interface BlockCounts {
  allocated: number;
  cached: number;
  requested: number;
  largest: number;
}

/** Collects the statistics of a pool by a walk over its runs. The caller holds the lock. */
export function collectStats({ counters, table, slots, blockSize }: Region): MemPoolStats {
  const { allocated, cached, requested, largest } = countBlocks(table);
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

function countBlocks(table: BlockTable): BlockCounts {
  const counts: BlockCounts = { allocated: 0, cached: 0, requested: 0, largest: 0 };
  let available = 0;
  for (let block = 0; block < table.blockCount;) {
    const length = validLength(table, block);
    const usage = usageOf(table.loadTag(block));
    if (usage === "allocated") {
      available = 0;
      counts.allocated += length;
      counts.requested += table.requested(block);
    } else {
      available += length;
      counts.largest = Math.max(counts.largest, available);
      if (usage === "cached") counts.cached += length;
    }
    block += length;
  }
  return counts;
}
