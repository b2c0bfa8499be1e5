import { makeTag } from "../region/block_table.ts";
import * as layout from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { isInTable, strayEntry, validLength } from "../region/validate.ts";
import { slotWord } from "../region/worker_slots.ts";
import type { Native } from "../runtime/native.ts";
import { takeBias } from "./bias.ts";
import { EmptyCaches } from "./empty_caches.ts";
import type { Worker } from "./worker.ts";

// Constants of this module: rule 1 in src/cache/block_cache.ts.
const {
  BIAS_TAG,
  CACHED,
  CACHED_BLOCKS,
  CACHED_RUN,
  FREE,
  FREE_BLOCKS,
  HAS_BARRIER,
  LONGEST_SHORT_RUN,
  NONE,
  PLAIN_CLAIMS,
  SLOT_CLAIM,
  SLOT_FREEING,
  SLOT_LOWEST,
  SLOT_RUN_BLOCKS,
  SLOT_RUN_BLOCKS_RECALLED,
  SLOT_RUNS_TAKEN,
  SLOT_STALE,
  SLOT_TOP,
  TAG,
} = layout;

/**
 * Refills and flushes this worker's caches and recalls those of other workers: the slow side of
 * src/cache/block_cache.ts. The caller holds the lock, so no other worker refills, flushes or recalls at the same time.
 * Other workers go on taking from their caches and giving to them.
 */
export class Refiller {
  declare private readonly native: Native;
  declare private readonly region: Region;
  declare private readonly capacity: number;
  declare private readonly number: number;
  declare private readonly slot: number;
  /** The word and the double where the slot starts. */
  declare private readonly at: number;
  declare private readonly doubleAt: number;
  declare private readonly entries: number;
  declare private readonly cachedTag: number;
  declare private readonly cachedRunTag: number;
  declare private readonly hasBarrier: number;
  declare private readonly empty: EmptyCaches;
  /** The slot's count of runs taken at the worker's last refill or flush. */
  private runsTaken = 0;

  constructor(worker: Worker) {
    const { native, region, slot, number } = worker;
    this.native = native;
    this.region = region;
    this.capacity = region.header[CACHED_BLOCKS]!;
    this.number = number;
    this.slot = slot;
    this.at = slotWord(slot);
    this.doubleAt = this.at / 2;
    this.entries = layout.cacheWord(slot, this.capacity);
    this.cachedTag = makeTag(CACHED, number);
    this.cachedRunTag = makeTag(CACHED_RUN, number);
    this.hasBarrier = region.header[HAS_BARRIER]!;
    this.empty = new EmptyCaches(region.slots);
  }

  /**
   * Drops stale entries from the top of the cache. If the cache is empty then, fills half of it. A block gets its entry
   * before it is cached: if an exception (a full stack, for example) comes in between, the entry is stale and no block
   * is lost.
   */
  refill(room: number): void {
    const { meta, table } = this.region;
    meta[this.at + SLOT_CLAIM] = NONE;
    meta[this.at + SLOT_FREEING] = 0;
    let top = this.region.slots.validTop(this.slot);
    while (top > 0 && table.loadTag(this.blockOf(this.entries + top - 1)) !== this.cachedTag) {
      top = this.dropTop(top);
    }
    if (top > 0) return;
    takeBias(this.region, this.cachedTag);
    const wanted = this.share(room);
    // What was used before is likely to be in the processor's caches, so nothing is added to it.
    let count = this.fromDepot(wanted);
    if (count === 0) count = this.fromRuns(wanted);
    if (count === 0) count = this.fromOthers(room >> 1);
    this.reverse(count);
    this.region.slots.countRefilled(this.slot, count);
    this.setTop(count);
  }

  /**
   * Makes cached short runs free, which take room from single blocks, if the worker has taken none since the last call.
   */
  flushIdleRuns(): void {
    const { counters, meta } = this.region;
    const taken = counters[this.doubleAt + SLOT_RUNS_TAKEN]!;
    const isIdle = taken === this.runsTaken;
    this.runsTaken = taken;
    if (isIdle && meta[this.at + SLOT_RUN_BLOCKS] !== 0) this.flushRuns();
  }

  /** Moves the older entries of the cache to the depot, all except so many. Returns how many that were. */
  flush(kept: number): number {
    const { meta, slots } = this.region;
    const top = slots.validTop(this.slot);
    const count = top - kept;
    if (count <= 0) return 0;
    this.evict(count);
    meta.copyWithin(this.entries, this.entries + count, this.entries + top);
    this.setTop(kept);
    return count;
  }

  /** Caches a block that this worker has claimed, if there is room. Returns whether it did. */
  keep(block: number, room: number): boolean {
    const { meta, slots, table } = this.region;
    const top = slots.validTop(this.slot);
    if (top >= room) return false;
    meta[this.entries + top] = block;
    meta[this.at + SLOT_TOP] = top + 1;
    table.set(block, TAG, this.cachedTag);
    slots.countRefilled(this.slot, 1);
    return true;
  }

  /** Makes everything free that this worker has cached, and everything in the depot. */
  flushAll(): void {
    this.evict(this.region.slots.validTop(this.slot));
    this.setTop(0);
    this.flushRuns();
    this.joinDepot();
  }

  /** Joins the blocks of the depot with each other and with the free runs beside them. */
  joinDepot(): void {
    const { runs, depot } = this.region;
    if (depot.count === 0) return; // a pool without caches has no room for bits
    for (let first = depot.firstFrom(0); first !== NONE; first = depot.firstFrom(first)) {
      const count = depot.lengthAt(first);
      for (let block = first; block < first + count; block++) depot.remove(block);
      runs.joinSingles(first, count);
    }
  }

  /**
   * Makes free what other workers have cached, except what they are taking at this moment: if a single block will do,
   * the first cache that has anything, otherwise all caches.
   *
   * Returns false if no worker had anything cached, and no worker freed a block into a cache that had been looked at
   * already. If the system refuses the barrier, other workers' caches stay as they are, and their frees do not count.
   */
  recall(single: boolean): boolean {
    const { header, slots } = this.region;
    const before = header[FREE_BLOCKS]!;
    const frees = slots.frees();
    this.flushAll();
    if (header[BIAS_TAG] === this.cachedTag) return header[FREE_BLOCKS]! > before;
    if (!this.endPlainClaims()) return header[FREE_BLOCKS]! > before;
    const { used } = slots;
    for (let step = 1; step < used && !(single && header[FREE_BLOCKS]! > before); step++) {
      this.recallFrom((this.slot + step) % used);
    }
    // Object.is, because this would never end if a counter was overwritten and is not a number.
    return header[FREE_BLOCKS]! > before || !Object.is(slots.frees(), frees);
  }

  /** Whether a block is the first of a run that this worker has cached. */
  hasCached(block: number): boolean {
    const tag = this.region.table.loadTag(block);
    return tag === this.cachedTag || tag === this.cachedRunTag;
  }

  /** Makes one run free that this worker has cached. Its entry in the cache becomes stale. */
  reclaim(block: number): void {
    const { meta, slots, table } = this.region;
    const length = validLength(table, block);
    if (table.tag(block) === this.cachedRunTag) {
      meta[this.at + SLOT_RUN_BLOCKS_RECALLED]! += length;
    } else {
      slots.countRefilled(this.slot, -1);
      meta[this.at + SLOT_STALE]!++;
    }
    this.uncache(block);
  }

  /** How many blocks to cache: half of the room in the cache, but no more than a fair share of the free blocks. */
  private share(room: number): number {
    const { header, slots, depot } = this.region;
    const fair = Math.floor((header[FREE_BLOCKS]! + depot.count) / (2 * Math.max(1, slots.countWorkers())));
    const half = room >> 1;
    // The pool is far from exhaustion, so it will be long until the barrier that plain claims cost is needed again.
    if (fair >= half && header[PLAIN_CLAIMS] !== this.hasBarrier) header[PLAIN_CLAIMS] = this.hasBarrier;
    return Math.max(1, Math.min(half, fair));
  }

  /** Moves up to so many blocks from the depot to the start of the cache's entries. Returns how many. */
  private fromDepot(wanted: number): number {
    const { meta, depot } = this.region;
    const count = depot.copyTo(meta, this.entries, wanted);
    this.setTop(count);
    depot.takeOut(meta, this.entries, count, this.cachedTag);
    return count;
  }

  /** Caches up to so many blocks of the shortest free runs. Returns how many. */
  private fromRuns(wanted: number): number {
    const { meta, table, runs } = this.region;
    let count = 0;
    while (count < wanted) {
      const first = runs.findSingle(this.number);
      if (first === NONE) break;
      const length = Math.min(wanted - count, validLength(table, first));
      for (let more = 0; more < length; more++) meta[this.entries + count + more] = first + more;
      count += length;
      this.setTop(count);
      runs.cacheAt(first, length, this.number);
    }
    return count;
  }

  /**
   * Takes over half of what the next worker has cached that has anything, up to so many blocks. Their entries there
   * become stale. Returns how many. This is a recall that leaves the other worker something, and joins no blocks.
   */
  private fromOthers(most: number): number {
    const { header, slots } = this.region;
    if (header[BIAS_TAG] === this.cachedTag || !this.endPlainClaims()) return 0;
    const { used } = slots;
    let count = 0;
    for (let step = 1; step < used && count === 0; step++) {
      const slot = (this.slot + step) % used;
      if (slots.validWorker(slot) !== 0) count = this.takeHalf(slot, Math.max(1, most));
    }
    return count;
  }

  /** Takes the older half, because the other worker takes from the other end. */
  private takeHalf(slot: number, most: number): number {
    const { meta, table, slots } = this.region;
    const wanted = Math.min(most, Math.ceil(slots.cached(slot) / 2));
    if (wanted <= 0) return 0;
    const at = slotWord(slot);
    const claim = Atomics.load(meta, at + SLOT_CLAIM);
    const cached = makeTag(CACHED, slots.worker(slot));
    const entries = layout.cacheWord(slot, this.capacity);
    const end = entries + slots.validTop(slot);
    let count = 0;
    for (let entry = entries; entry < end && count < wanted; entry++) {
      const block = this.blockOf(entry);
      if (block === claim || table.tag(block) !== cached) continue;
      meta[this.entries + count] = block;
      this.setTop(count + 1);
      if (!table.exchangeTag(block, cached, this.cachedTag)) continue;
      count++;
      slots.countRefilled(slot, -1);
      meta[at + SLOT_STALE]!++;
    }
    this.setTop(count);
    return count;
  }

  /** The block of an entry, of any worker's cache. */
  private blockOf(entry: number): number {
    const block = this.region.meta[entry]!;
    if (isInTable(this.region.table, block)) return block;
    throw strayEntry(block);
  }

  private dropTop(top: number): number {
    const { meta } = this.region;
    meta[this.at + SLOT_TOP] = top - 1;
    meta[this.at + SLOT_STALE]!--;
    return top - 1;
  }

  /** The cache is a stack, and the block that was cached first is to be taken first. */
  private reverse(count: number): void {
    this.region.meta.subarray(this.entries, this.entries + count).reverse();
  }

  private setTop(top: number): void {
    const { meta } = this.region;
    meta[this.at + SLOT_TOP] = top;
    meta[this.at + SLOT_LOWEST] = top;
  }

  /** Empties the oldest entries of this worker's cache: the blocks of those that are not stale go to the depot. */
  private evict(count: number): void {
    const { meta, depot, slots } = this.region;
    const evicted = depot.pushTagged(meta, this.entries, count, this.cachedTag);
    meta[this.at + SLOT_STALE]! -= count - evicted;
    slots.countRefilled(this.slot, -evicted);
  }

  /** Makes the short runs free that this worker has cached. */
  private flushRuns(): void {
    this.forEachRun(this.slot, (block) => {
      if (this.region.table.loadTag(block) === this.cachedRunTag) this.uncache(block);
    });
    this.region.slots.clearRuns(this.slot);
  }

  /** Calls `visit` with the entry of each short run in a worker's cache. */
  private forEachRun(slot: number, visit: (block: number) => void): void {
    for (let length = 2; length <= LONGEST_SHORT_RUN; length++) {
      const top = this.region.slots.validRunTop(slot, length);
      const entries = layout.runEntriesWord(slot, this.capacity, length);
      for (let entry = entries; entry < entries + top; entry++) visit(this.blockOf(entry));
    }
  }

  private uncache(block: number): void {
    this.region.table.set(block, TAG, FREE);
    this.region.runs.coalesce(block);
  }

  /** Returns whether plain claims have ended: from then on, the slots' claims show all that are still under way. */
  private endPlainClaims(): boolean {
    const { header } = this.region;
    if (header[PLAIN_CLAIMS] === 0) return true;
    Atomics.store(header, PLAIN_CLAIMS, 0);
    if (this.native.barrier()) return true;
    header[PLAIN_CLAIMS] = 1;
    return false;
  }

  /** Recalls what another worker has cached. What that worker frees from now on comes too late for this recall. */
  private recallFrom(slot: number): void {
    const { slots } = this.region;
    const number = slots.validWorker(slot);
    if (number === 0) return;
    if (!this.empty.has(slot) && !this.recallBlocks(slot, makeTag(CACHED, number))) this.empty.note(slot);
    if (slots.cachedInRuns(slot) !== 0) this.recallRuns(slot, makeTag(CACHED_RUN, number));
  }

  /** Returns whether a block was cached, also if its worker is taking it at this moment. */
  private recallBlocks(slot: number, cached: number): boolean {
    const { meta, table, runs, slots } = this.region;
    const at = slotWord(slot);
    const claim = Atomics.load(meta, at + SLOT_CLAIM);
    const entries = layout.cacheWord(slot, this.capacity);
    const end = entries + slots.validTop(slot);
    let found = false;
    for (let entry = entries; entry < end; entry++) {
      const block = this.blockOf(entry);
      if (table.tag(block) !== cached) continue;
      found = true;
      if (block === claim || !table.exchangeTag(block, cached, FREE)) continue;
      runs.coalesce(block);
      slots.countRefilled(slot, -1);
      meta[at + SLOT_STALE]!++;
    }
    return found;
  }

  private recallRuns(slot: number, cached: number): void {
    const { meta, table, runs } = this.region;
    const at = slotWord(slot);
    const claim = Atomics.load(meta, at + SLOT_CLAIM);
    this.forEachRun(slot, (block) => {
      if (block === claim || !table.exchangeTag(block, cached, FREE)) return;
      meta[at + SLOT_RUN_BLOCKS_RECALLED]! += validLength(table, block);
      runs.coalesce(block);
    });
  }
}
