import { type BlockTable, ownerOf, usageOf } from "../region/block_table.ts";
import type { Region } from "../region/region.ts";

/**
 * A run of adjacent blocks: all of them free, or handed out as one; or a single block, or a short run, that is cached.
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
  /** Distance of the run from the start of the data, in bytes. */
  readonly offset: number;
  /** Bytes that the run occupies, a multiple of the pool's `blockSize`; what was asked for may be less. */
  readonly byteLength: number;
  /** `"cached"`: a free block that a worker keeps at hand, or that is on its way from one worker to another. */
  readonly state: "allocated" | "free" | "cached";
  /**
   * Number of the worker that the run belongs to or that has it cached, as in {@linkcode LeakInfo.owner}, also after that
   * worker has left. 0 where it is nobody's: it is free, on its way between workers, or left behind by a worker that has
   * ended and whose slot another one has now.
   */
  readonly owner: number;
}

/** Words for each run that is noted: its length and its tag. */
const RUN_WORDS = 2;

/** The runs of a pool at one moment. An object for each is made only when it is asked for: there may be millions. */
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
    if (used === runs.length) runs = twiceAsLong(runs);
    // A length that does not fit stands only in a broken table; check() is there to say so.
    const length = Math.min(Math.max(table.length(block), 1), end - block);
    runs[used] = length;
    runs[used + 1] = table.loadTag(block);
    used += RUN_WORDS;
    block += length;
  }
  return runs.subarray(0, used);
}

function twiceAsLong(words: Int32Array): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(2 * words.length);
  longer.set(words);
  return longer;
}
