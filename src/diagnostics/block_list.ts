import { type BlockTable, ownerOf, usageOf } from "../region/block_table.ts";
import type { Region } from "../region/region.ts";

/**
 * One run of a pool: adjacent blocks that are free, or that were handed out together, or a single block or a run of up
 * to nine blocks that is cached.
 *
 * @example A map of a pool
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type BlockInfo, MemPool } from "mempool";
 *
 * using pool = MemPool.init(1024, 64, { cachedBlocks: 0 });
 * pool.alloc(100);
 * const inBlocks = ({ offset, byteLength, state }: BlockInfo) => [offset / 64, byteLength / 64, state];
 * assertEquals(Array.from(pool.blocks(), inBlocks), [[0, 2, "allocated"], [2, 14, "free"]]);
 * ```
 */
export interface BlockInfo {
  /** Distance of the run from the first data byte, in bytes: a multiple of the pool's `blockSize`, below its `size`. */
  readonly offset: number;
  /**
   * Bytes that the run occupies: a multiple of the pool's `blockSize`, from one block up. The caller may have asked for
   * less.
   */
  readonly byteLength: number;
  /** `"cached"` means free, but in a worker's cache or on the way from one worker's cache to another's. */
  readonly state: "allocated" | "free" | "cached";
  /**
   * Number, from 1 up, of the worker that owns the run or has it cached, as in {@linkcode LeakInfo.owner}. A worker
   * that has left the pool still owns what it had allocated. 0 means that no worker owns the run: it is free, it is on
   * the way from one worker's cache to another's, or its owner died and another worker has taken the owner's slot.
   */
  readonly owner: number;
}

/** Words noted for each run: its length and its tag. */
const RUN_WORDS = 2;

/** The runs of a pool at one moment. There may be millions, so the objects are made one by one during the iteration. */
export class BlockList implements Iterable<BlockInfo> {
  readonly #blockSize: number;
  readonly #runs: Int32Array;

  /** Notes the runs. The caller holds the lock. */
  constructor({ table, blockSize }: Region) {
    this.#blockSize = blockSize;
    this.#runs = noteRuns(table);
  }

  *[Symbol.iterator](): Generator<BlockInfo, void, undefined> {
    const runs = this.#runs;
    let offset = 0;
    for (let at = 0; at < runs.length; at += RUN_WORDS) {
      const byteLength = runs[at]! * this.#blockSize;
      const tag = runs[at + 1]!;
      yield { offset, byteLength, state: usageOf(tag), owner: ownerOf(tag) };
      offset += byteLength;
    }
  }
}

function noteRuns(table: BlockTable): Int32Array {
  let runs = new Int32Array(128);
  let used = 0;
  const end = table.blockCount;
  for (let block = 0; block < end;) {
    if (used === runs.length) runs = doubled(runs);
    // Only a corrupted table has a length that does not fit. The list still tiles the data; check() reports the length.
    const length = Math.min(Math.max(table.length(block), 1), end - block);
    runs[used] = length;
    runs[used + 1] = table.loadTag(block);
    used += RUN_WORDS;
    block += length;
  }
  return runs.subarray(0, used);
}

function doubled(words: Int32Array): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(2 * words.length);
  longer.set(words);
  return longer;
}
