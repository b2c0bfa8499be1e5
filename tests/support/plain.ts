/** Regions over plain memory, for tests of the structures in a region without the native library. */

import { Wakeup } from "../../src/runtime/wakeup.ts";
import { Allocator } from "../../src/allocator/allocator.ts";
import type { Mapping, Native } from "../../src/runtime/native.ts";
import type { Settings } from "../../src/options.ts";
import { settingsFrom } from "../../src/options.ts";
import {
  BLOCK_COUNT,
  BLOCK_COUNT_INVERTED,
  DESCRIPTOR_WORDS,
  FIRST_LEVELS,
  FREE,
  HEADER_BYTES,
  HIGH_WATER_INVERTED,
  NEXT_WORKER,
  NONE,
  SECOND_LEVELS,
  TAG,
} from "../../src/region/layout.ts";
import { BlockTable, stateOf } from "../../src/region/block_table.ts";
import { formatRegion, type Region } from "../../src/region/region.ts";

export const BLOCK_SIZE = 64;

/** A header with this number of blocks, none of which was ever used. Its other words are 0. */
export function plainHeader(blockCount: number): Int32Array {
  const header = new Int32Array(HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
  header[BLOCK_COUNT] = blockCount;
  header[BLOCK_COUNT_INVERTED] = ~blockCount;
  header[HIGH_WATER_INVERTED] = ~0;
  return header;
}

/** A block table whose words are all 0. */
export function plainTable(blockCount: number, header = plainHeader(blockCount)): BlockTable {
  return new BlockTable(new Int32Array(blockCount * DESCRIPTOR_WORDS), header, blockCount);
}

/** The region of a new pool without caches. */
export function plainRegion(blockCount: number, maxBlocks: number = blockCount): Region {
  const settings = plainSettings(blockCount, maxBlocks);
  const region = formatRegion(new ArrayBuffer(settings.metaBytes), settings, false);
  region.header[NEXT_WORKER] = 10; // as if workers had attached
  return region;
}

export function plainSettings(blockCount: number, maxBlocks: number = blockCount): Settings {
  return settingsFrom(blockCount * BLOCK_SIZE, BLOCK_SIZE, { cachedBlocks: 0, maxSize: maxBlocks * BLOCK_SIZE });
}

/** A worker in the next free slot of such a region. The test supplies the native library and the mapping. */
export function plainWorker(native: Native, mapping: Mapping, region: Region, worker: number): Allocator {
  const slot = region.slots.take(worker, worker);
  return new Allocator({ native, mapping, region, slot, number: worker }, new Wakeup(1, 1));
}

/**
 * Allocates a run for `bytes` bytes. Clears the worker's journal, as a call of a pool does when its result has been
 * delivered.
 */
export function allocate(worker: Allocator, bytes: number): number {
  const block = worker.allocate(bytes);
  worker.journal.allocated = NONE;
  return block;
}

/** Allocates a run of `length` blocks and requests all of its bytes. Returns its first block, or NONE. */
export function take({ runs, lists }: Region, length: number, worker = 1): number {
  const found = lists.find(length);
  if (found !== NONE) runs.allocateAt(found, length, length * BLOCK_SIZE, worker);
  return found;
}

/** Frees the run at `block`. */
export function give({ table, runs }: Region, block: number): void {
  table.set(block, TAG, FREE);
  runs.coalesce(block);
}

/** The length of the longest run in the lists, 0 if there is none. */
export function longestListed({ lists, table }: Pick<Region, "lists" | "table">): number {
  let longest = 0;
  for (let index = 0; index < FIRST_LEVELS * SECOND_LEVELS; index++) {
    for (let block = lists.head(index); block !== NONE; block = table.next(block)) {
      longest = Math.max(longest, table.length(block));
    }
  }
  return longest;
}

/** A run, as its first descriptor says. */
export interface PlainRun {
  readonly first: number;
  readonly length: number;
  readonly state: number;
}

/** The runs in order of address, found by a walk over the lengths. */
export function runsOf({ table }: Region): PlainRun[] {
  const runs: PlainRun[] = [];
  for (let first = 0; first < table.blockCount;) {
    const run = { first, length: table.length(first), state: stateOf(table.tag(first)) };
    runs.push(run);
    if (!(run.length >= 1)) throw new Error(`The run at block ${first} has a length of ${run.length}`);
    first += run.length;
  }
  return runs;
}

/** The lengths of the runs, negative for free ones: "10 -54" is a run of ten blocks in use, and 54 free blocks. */
export function picture(region: Region): string {
  return runsOf(region).map(({ length, state }) => state === FREE ? -length : length).join(" ");
}
