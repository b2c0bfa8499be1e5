import type { BlockCache, CacheWorker } from "./block_cache.ts";
import type { Mapping } from "../runtime/native.ts";
import * as layout from "../region/layout.ts";
import { slotWord } from "../region/worker_slots.ts";
import { makeTag } from "../region/block_table.ts";
import { isInTable } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

// Constants, private and declared fields: the first comment of src/cache/block_cache.ts says why.
const {
  ALLOCATED_SHORT,
  DESCRIPTOR_SHIFT,
  LENGTH,
  LIVE,
  NONE,
  RUN_ENTRIES,
  SLOTS_USED,
  SLOT_CLAIM,
  SLOT_RUN_BLOCKS,
  SLOT_RUN_TOPS,
  SLOT_TOP,
  STATE,
  STATE_MASK,
} = layout;

/**
 * A worker's cache of short runs: a stack for each length. It works like the cache of single blocks, and the argument
 * in src/cache/block_cache.ts holds for it too, with the tags CACHED_RUN and ALLOCATED_SHORT. A cached run is neither
 * split nor coalesced until it is flushed or recalled.
 *
 * Only a pool that has had more than one worker uses this cache. A worker that is alone gets the lock at once, and its
 * runs are better coalesced immediately. Workers that share a pool take the lock from each other, and with it a dozen
 * cache lines: those of the header, and those of the run's neighbours in the block table and in the free lists.
 */
export class RunCache {
  declare private readonly cache: BlockCache;
  declare private readonly mapping: Pick<Mapping, "exchange">;
  declare private readonly region: Region;
  declare private readonly meta: Int32Array;
  declare private readonly counters: Float64Array;
  declare private readonly plainLive: number;
  declare private readonly blockSize: number;
  /** The number of blocks in the longest run that it keeps. */
  declare private readonly longest: number;
  // Places in `meta` and in `counters`.
  declare private readonly slot: number;
  declare private readonly entries: number;
  declare private readonly table: number;
  declare private readonly given: number;
  declare private readonly taken: number;
  declare private readonly cachedTag: number;
  declare private readonly allocatedTag: number;

  constructor({ mapping, region, slot, number }: CacheWorker, cache: BlockCache) {
    const capacity = region.header[layout.CACHED_BLOCKS]!;
    this.cache = cache;
    this.mapping = mapping;
    this.region = region;
    this.meta = region.meta;
    this.counters = region.counters;
    this.plainLive = cache.plainLive;
    this.blockSize = region.blockSize;
    this.longest = capacity === 0 ? 0 : longestRun(region.blockSize);
    this.slot = slotWord(slot);
    this.entries = layout.runEntriesWord(slot, capacity, 2);
    this.table = layout.tableWord(capacity);
    this.given = this.slot / 2 + layout.SLOT_RUNS_GIVEN;
    this.taken = this.slot / 2 + layout.SLOT_RUNS_TAKEN;
    this.cachedTag = makeTag(layout.CACHED_RUN, number);
    this.allocatedTag = makeTag(ALLOCATED_SHORT, number);
  }

  /** Hands out a cached run of exactly the length that so many bytes need, or returns NONE. */
  take(bytes: number): number {
    const meta = this.meta;
    const length = Math.ceil(bytes / this.blockSize);
    if (length < 2 || length > this.longest || meta[STATE] !== LIVE) return NONE;
    const topWord = this.topWord(length);
    const entries = this.entriesWord(length);
    // An entry that cannot be claimed is stale, because its run was recalled. It is dropped.
    for (let top = meta[topWord]!; top > 0 && top <= RUN_ENTRIES; meta[topWord] = top) {
      const block = meta[entries + --top]!;
      if (!this.isCached(block, length)) continue;
      if (!this.cache.claim(block, bytes, this.cachedTag, this.allocatedTag)) continue;
      // No call from here on, so a full stack cannot interrupt between these stores.
      meta[topWord] = top;
      meta[this.slot + SLOT_RUN_BLOCKS]! -= length;
      this.counters[this.taken]!++;
      meta[this.slot + SLOT_CLAIM] = NONE; // the caller notes the run in its journal
      return block;
    }
    return NONE;
  }

  /** Puts an allocated short run into the cache. Returns false if the slow path has to free it or to decide. */
  give(block: number): boolean {
    const meta = this.meta;
    const word = this.table + (block << DESCRIPTOR_SHIFT);
    const tag = meta[word]!;
    if ((tag & STATE_MASK) !== ALLOCATED_SHORT || meta[SLOTS_USED]! < 2) return false;
    const length = meta[word + LENGTH]!;
    if (!(length >= 2 && length <= this.longest) || !this.region.table.hasExactLength(block, this.blockSize)) {
      return false;
    }
    const room = this.cache.updateRoom() - length;
    if (room < this.cache.reserve || meta[this.slot + SLOT_TOP]! > room) return false;
    const topWord = this.topWord(length);
    const top = meta[topWord]!;
    const entry = this.entriesWord(length) + top;
    if (top >>> 0 >= RUN_ENTRIES || this.mapping.exchange(word, tag, this.cachedTag) !== tag) return false;
    meta[entry] = block;
    meta[topWord] = top + 1;
    meta[this.slot + SLOT_RUN_BLOCKS]! += length;
    this.cache.room = room;
    // Since the length was read, another worker may have freed the run by mistake, and a run of another length may be
    // here.
    if (meta[word + LENGTH] !== length || meta[STATE] !== this.plainLive) {
      if (this.undoUnlessValid(word, tag, length)) return false;
    }
    this.counters[this.given]!++;
    return true;
  }

  /** Undoes a `give` unless the pool is live and the run still has this length. Returns whether it did. */
  private undoUnlessValid(word: number, tag: number, length: number): boolean {
    const topWord = this.topWord(length);
    if (this.cache.isLiveAfterPublishing(topWord) && this.meta[word + LENGTH] === length) return false;
    if (!this.cache.undo(word, tag, this.cachedTag, topWord)) return false;
    this.meta[this.slot + SLOT_RUN_BLOCKS]! -= length;
    return true;
  }

  /**
   * Whether this worker has a run of this length cached at a block. The claim that follows needs to check the tag only:
   * no other worker stores this worker's CACHED_RUN tag, so while the tag is the same, the length is the same.
   */
  private isCached(block: number, length: number): boolean {
    const { table } = this.region;
    return isInTable(table, block) && table.tag(block) === this.cachedTag && table.length(block) === length;
  }

  private topWord(length: number): number {
    return this.slot + SLOT_RUN_TOPS + length - 2;
  }

  private entriesWord(length: number): number {
    return this.entries + (length - 2) * RUN_ENTRIES;
  }
}

/** The number of blocks in the longest run whose bytes fit the one word that a claim writes. */
function longestRun(blockSize: number): number {
  return Math.min(layout.LONGEST_SHORT_RUN, Math.floor((2 ** 31 - 1) / blockSize));
}
