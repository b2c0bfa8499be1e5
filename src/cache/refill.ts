import type { MemPoolError } from "../base/errors.ts";
import type { Native } from "../runtime/native.ts";
import { Habits } from "./habits.ts";
import {
  BIAS_TAG,
  CACHED,
  CACHED_BLOCKS,
  CACHED_RUN,
  cacheWord,
  FREE,
  FREE_BLOCKS,
  HAS_BARRIER,
  LONGEST_SHORT_RUN,
  NONE,
  PLAIN_CLAIMS,
  runEntriesWord,
  SLOT_CLAIM,
  SLOT_FREEING,
  SLOT_LOWEST,
  SLOT_RUN_BLOCKS,
  SLOT_RUN_BLOCKS_RECALLED,
  SLOT_STALE,
  SLOT_TOP,
  TAG,
} from "../region/layout.ts";
import { slotWord } from "../region/worker_slots.ts";
import { takeBias } from "./bias.ts";
import { makeTag } from "../region/block_table.ts";
import { broken, isInTable, validLength } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

/**
 * What fills and empties the worker caches: the slow side of src/cache/block_cache.ts. The caller holds the lock, so nobody else
 * refills, drains or recalls; the other workers go on taking and giving.
 */
export class Refiller {
  declare private readonly native: Native;
  declare private readonly region: Region;
  declare private readonly capacity: number;
  declare private readonly worker: number;
  declare private readonly slot: number;
  declare private readonly at: number;
  declare private readonly entries: number;
  declare private readonly cachedTag: number;
  declare private readonly cachedRunTag: number;
  declare private readonly hasBarrier: number;
  declare private readonly habits: Habits;

  constructor(native: Native, region: Region, slot: number, worker: number) {
    this.native = native;
    this.region = region;
    this.capacity = region.header[CACHED_BLOCKS]!;
    this.worker = worker;
    this.slot = slot;
    this.at = slotWord(slot);
    this.entries = cacheWord(slot, this.capacity);
    this.cachedTag = makeTag(CACHED, worker);
    this.cachedRunTag = makeTag(CACHED_RUN, worker);
    this.hasBarrier = region.header[HAS_BARRIER]!;
    this.habits = new Habits(region, slot);
  }

  /**
   * Drops stale entries from the top, and where the cache is empty then, fills half of it. A block has its entry before it
   * is cached: were this worker thrown out in between, by a full stack say, the entry would be stale, and no block lost.
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
    this.habits.noteRefill();
    const wanted = this.share(room);
    let count = this.fromDepot(wanted);
    for (let more = 1; count < wanted && more > 0; count += more) more = this.fromRuns(count, wanted - count);
    this.reverse(count);
    this.region.slots.countRefilled(this.slot, count);
    this.setTop(count);
  }

  /** Makes short runs free that take room from single blocks, where none was taken since the last time. */
  flushIdleRuns(): void {
    if (this.habits.hasTakenNoRun() && this.region.meta[this.at + SLOT_RUN_BLOCKS] !== 0) this.flushRuns();
  }

  /** Makes room in a cache that is full: its older half goes to the depot for others, or becomes free. */
  flush(room: number): void {
    const { meta, slots } = this.region;
    const top = this.region.slots.validTop(this.slot);
    if (top < room) return;
    const count = Math.ceil(top / 2);
    this.evict(count, slots.countWorkers() > 1);
    meta.copyWithin(this.entries, this.entries + count, this.entries + top);
    this.setTop(top - count);
  }

  /** Makes all free that this worker has cached, and what is in the depot. */
  flushAll(): void {
    this.evict(this.region.slots.validTop(this.slot), false);
    this.setTop(0);
    this.flushRuns();
    const { runs, depot } = this.region;
    while (depot.top > 0) {
      const block = depot.peek();
      depot.pop(1, FREE);
      runs.coalesce(block);
    }
  }

  /**
   * Makes what other workers have cached free, but for what is being taken this moment: the first cache that has anything
   * if a single block will do, else all. Returns false when nothing was cached, by anyone, at the end: not when a worker
   * whose cache had been looked at gave a block back meanwhile. Where the system refuses the barrier, other workers' caches
   * stay as they are, and what they do does not count.
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
      this.takeFrom((this.slot + step) % used);
    }
    // By Object.is, or this would never end where a counter was overwritten and is not a number.
    return header[FREE_BLOCKS]! > before || !Object.is(slots.frees(), frees);
  }

  /** How many blocks to cache: half of what there is room for, and a fair share of what is left. */
  private share(room: number): number {
    const { header, slots, depot } = this.region;
    const fair = Math.floor((header[FREE_BLOCKS]! + depot.top) / (2 * Math.max(1, slots.countWorkers())));
    const half = room >> 1;
    // Far from being exhausted again, so that the barrier that this costs then is well paid.
    if (fair >= half && header[PLAIN_CLAIMS] !== this.hasBarrier) header[PLAIN_CLAIMS] = this.hasBarrier;
    return Math.max(1, Math.min(half, fair));
  }

  /** Moves up to so many blocks from the depot to the start of the cache's entries; returns how many. */
  private fromDepot(wanted: number): number {
    const { meta, depot } = this.region;
    const count = this.suiting(Math.max(0, Math.min(wanted, depot.top)));
    depot.copyTo(meta, this.entries, count);
    this.setTop(count);
    depot.pop(count, this.cachedTag);
    return count;
  }

  /** Brings what suits this worker to the depot's top, up to so many blocks; returns how many to take. */
  private suiting(most: number): number {
    // To look takes longer than all else, for a worker that shares its lines with those who free them, whatever it takes.
    if (this.habits.isConsumer) return most;
    const uncontested = this.region.depot.arrange(most, this.worker);
    // Where few are, all that comes from there is contested, and the depot must not fill up with it.
    return uncontested < most / 2 ? most : uncontested;
  }

  /** Caches up to so many blocks of one free run, with entries from this place up; returns how many. */
  private fromRuns(place: number, wanted: number): number {
    const { meta, table, runs } = this.region;
    const first = runs.findSingle(this.worker);
    if (first === NONE) return 0;
    const count = Math.min(wanted, validLength(table, first));
    for (let more = 0; more < count; more++) meta[this.entries + place + more] = first + more;
    this.setTop(place + count);
    runs.cacheAt(first, count, this.worker);
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

  /** Several runs were cached one after the other; the first is to be used first. */
  private reverse(count: number): void {
    this.region.meta.subarray(this.entries, this.entries + count).reverse();
  }

  private setTop(top: number): void {
    const { meta } = this.region;
    meta[this.at + SLOT_TOP] = top;
    meta[this.at + SLOT_LOWEST] = top;
  }

  /** Gives up the oldest entries of this worker's cache, but for stale ones. */
  private evict(count: number, toDepot: boolean): void {
    const { meta, table, depot, slots } = this.region;
    const { blockCount } = table;
    const cachedTag = this.cachedTag;
    const room = toDepot ? depot.room : 0;
    let given = 0;
    for (let entry = this.entries; entry < this.entries + count; entry++) {
      const block = meta[entry]!;
      if (block >>> 0 >= blockCount) throw strayEntry(block);
      if (table.tag(block) !== cachedTag) meta[this.at + SLOT_STALE]!--;
      else if (++given <= room) depot.push(block);
      else this.uncache(block);
    }
    slots.countRefilled(this.slot, -given);
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
      const entries = runEntriesWord(slot, this.capacity, length);
      for (let entry = entries; entry < entries + top; entry++) visit(this.blockOf(entry));
    }
  }

  private uncache(block: number): void {
    this.region.table.set(block, TAG, FREE);
    this.region.runs.coalesce(block);
  }

  /** Says whether there are none under way any more but those that a slot's claim shows. */
  private endPlainClaims(): boolean {
    const { header } = this.region;
    if (header[PLAIN_CLAIMS] === 0) return true;
    Atomics.store(header, PLAIN_CLAIMS, 0);
    if (this.native.barrier()) return true;
    header[PLAIN_CLAIMS] = 1;
    return false;
  }

  /** Recalls what another worker has cached. What it frees from now on is freed too late to count. */
  private takeFrom(slot: number): void {
    const { meta, table, runs, slots } = this.region;
    const worker = slots.validWorker(slot);
    if (worker === 0) return;
    const at = slotWord(slot);
    const claim = Atomics.load(meta, at + SLOT_CLAIM);
    const cached = makeTag(CACHED, worker);
    const entries = cacheWord(slot, this.capacity);
    const end = entries + slots.validTop(slot);
    for (let entry = entries; entry < end; entry++) {
      const block = this.blockOf(entry);
      if (block === claim || !table.exchangeTag(block, cached, FREE)) continue;
      runs.coalesce(block);
      slots.countRefilled(slot, -1);
      meta[at + SLOT_STALE]!++;
    }
    const cachedRun = makeTag(CACHED_RUN, worker);
    this.forEachRun(slot, (block) => {
      if (block === claim || !table.exchangeTag(block, cachedRun, FREE)) return;
      meta[at + SLOT_RUN_BLOCKS_RECALLED]! += validLength(table, block);
      runs.coalesce(block);
    });
  }
}

function strayEntry(block: number): MemPoolError {
  return broken("I14", `a cache holds block ${block}`);
}
