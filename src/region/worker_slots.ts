import * as layout from "./layout.ts";
import { addToSum, broken } from "./validate.ts";

// Constants of this module: rule 1 in src/cache/block_cache.ts.
const {
  ALLOCS,
  BLOCK_COUNT,
  CACHED_BLOCKS,
  DEPOT_COUNT,
  FREE_BLOCKS,
  FREES,
  MAX_WORKERS,
  NEXT_WORKER,
  NONE,
  PEAK_ALLOCATED,
  RUN_ENTRIES,
  SLOT_CLAIM,
  SLOT_COUNT,
  SLOT_GIVEN,
  SLOT_LOWEST,
  SLOT_REFILLED,
  SLOT_RUN_BLOCKS,
  SLOT_RUN_BLOCKS_RECALLED,
  SLOT_RUN_TOPS,
  SLOT_RUNS_GIVEN,
  SLOT_RUNS_TAKEN,
  SLOT_STALE,
  SLOT_SUM,
  SLOT_SWEPT,
  SLOT_THREAD,
  SLOT_TOP,
  SLOT_WORDS,
  SLOT_WORKER,
  SLOTS,
  SLOTS_USED,
} = layout;

/** The first word of a slot. */
export function slotWord(slot: number): number {
  return SLOTS + slot * SLOT_WORDS;
}

/** The first double of a slot. */
function slotDouble(slot: number): number {
  return slotWord(slot) / 2;
}

/** The worker slots of a pool: which workers are attached, and what each of them counts. */
export class WorkerSlots {
  declare private readonly header: Int32Array;
  declare private readonly counters: Float64Array;

  constructor(header: Int32Array, counters: Float64Array) {
    this.header = header;
    this.counters = counters;
  }

  /** A number for a new worker, which no other worker ever had, or NONE once all are used up. Needs no lock. */
  nextWorker(): number {
    const header = this.header;
    for (;;) {
      const worker = Atomics.load(header, NEXT_WORKER);
      if (!(worker >= 1 && worker <= MAX_WORKERS + 1)) {
        throw broken("I13", `the number of the next worker is ${worker}`);
      }
      if (worker > MAX_WORKERS) return NONE; // in a tag, a larger number would look like an earlier one
      if (Atomics.compareExchange(header, NEXT_WORKER, worker, worker + 1) === worker) return worker;
    }
  }

  /** Takes a free slot for a worker. Returns NONE if no slot is free. The caller holds the lock. */
  take(worker: number, thread: number): number {
    const header = this.header;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const at = slotWord(slot);
      if (this.validWorker(slot) !== 0) continue;
      header.fill(0, at + SLOT_CLAIM, at + SLOT_WORDS);
      header[at + SLOT_CLAIM] = NONE;
      this.counters[slotDouble(slot) + SLOT_THREAD] = thread;
      header[at + SLOT_SUM] = this.checksum(slot, worker);
      header[SLOTS_USED] = Math.max(this.used, slot + 1);
      Atomics.store(header, at + SLOT_WORKER, worker);
      return slot;
    }
    return NONE;
  }

  /** Gives up a slot whose cache is empty. Its counts are added to the pool's counters. The caller holds the lock. */
  leave(slot: number): void {
    const counters = this.counters;
    counters[ALLOCS]! += this.allocsOf(slot);
    counters[FREES]! += this.freesOf(slot);
    const at = slotWord(slot);
    this.header.fill(0, at + SLOT_CLAIM, at + 2 * SLOT_THREAD);
    this.header.fill(0, at + 2 * SLOT_RUNS_GIVEN, at + SLOT_WORDS);
    this.header[at + SLOT_SWEPT] = 0;
    // SLOT_THREAD and SLOT_SUM stay valid for as long as SLOT_WORKER is set.
    Atomics.store(this.header, at + SLOT_WORKER, 0);
    this.header[at + SLOT_SUM] = 0;
  }

  /** Completes slots that an interrupted critical section was taking or giving up. The caller holds the lock. */
  repair(): void {
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (this.worker(slot) === 0) this.header[slotWord(slot) + SLOT_SUM] = 0;
    }
  }

  /** All slots below this number may have a worker; the others never had one. */
  get used(): number {
    return Math.min(this.header[SLOTS_USED]!, SLOT_COUNT);
  }

  /** Counts single blocks that a refill brought into a cache; negative if they went back. The caller holds the lock. */
  countRefilled(slot: number, blocks: number): void {
    this.counters[slotDouble(slot) + SLOT_REFILLED]! += blocks;
  }

  /**
   * Makes a dead worker's slot say that nothing is cached. `found` is the number of cached single blocks of that
   * worker, which are free now. The caller holds the lock.
   */
  empty(slot: number, found: number): void {
    // If there were more than the slot says, the worker died before it counted the last block that it freed.
    this.counters[slotDouble(slot) + SLOT_GIVEN]! += Math.max(0, found - this.cached(slot));
    this.countRefilled(slot, -found);
    const at = slotWord(slot);
    this.header[at + SLOT_TOP] = this.header[at + SLOT_STALE] = this.header[at + SLOT_LOWEST] = 0;
    this.clearRuns(slot);
  }

  /** The number of entries in a worker's cache of single blocks. Throws if the cache has no room for so many. */
  validTop(slot: number): number {
    const top = Atomics.load(this.header, slotWord(slot) + SLOT_TOP);
    if (top >= 0 && top <= this.header[CACHED_BLOCKS]!) return top;
    throw broken("I14", `the cache of slot ${slot} claims to hold ${top} blocks`);
  }

  /** The number of entries in a worker's cache of runs of this length. Throws if the cache has no room for so many. */
  validRunTop(slot: number, length: number): number {
    const top = Atomics.load(this.header, slotWord(slot) + SLOT_RUN_TOPS + length - 2);
    if (top >= 0 && top <= RUN_ENTRIES) return top;
    throw broken("I14", `the cache of slot ${slot} claims to hold ${top} runs of ${length} blocks`);
  }

  /**
   * Makes a slot say that no short run is cached. The caller holds the lock and has the slot, or its worker has died.
   */
  clearRuns(slot: number): void {
    const at = slotWord(slot);
    this.header.fill(0, at + SLOT_RUN_TOPS, at + SLOT_WORDS);
    this.header[at + SLOT_RUN_BLOCKS] = this.header[at + SLOT_RUN_BLOCKS_RECALLED] = 0;
  }

  /** The slot of a worker, or NONE. */
  slotOf(worker: number): number {
    for (let slot = 0; slot < this.used; slot++) {
      if (this.worker(slot) === worker) return slot;
    }
    return NONE;
  }

  /** The worker that has a slot, 0 for none. Throws if the slot's checksum is wrong. The caller holds the lock. */
  validWorker(slot: number): number {
    const worker = this.worker(slot);
    if (this.header[slotWord(slot) + SLOT_SUM] === (worker === 0 ? 0 : this.checksum(slot, worker))) return worker;
    throw broken(
      "I13",
      `slot ${slot} names worker ${worker} and thread ${this.thread(slot)}, but its checksum is wrong`,
    );
  }

  /** The thread of the slot's worker. */
  thread(slot: number): number {
    return this.counters[slotDouble(slot) + SLOT_THREAD]!;
  }

  worker(slot: number): number {
    return this.header[slotWord(slot) + SLOT_WORKER]!;
  }

  countWorkers(): number {
    let workers = 0;
    for (let slot = 0; slot < this.used; slot++) {
      if (this.worker(slot) !== 0) workers++;
    }
    return workers;
  }

  /** The allocations so far, those in the slots included. */
  allocs(): number {
    let allocs = this.counters[ALLOCS]!;
    for (let slot = 0; slot < this.used; slot++) allocs += this.allocsOf(slot);
    return allocs;
  }

  /** The frees so far, those in the slots included. */
  frees(): number {
    let frees = this.counters[FREES]!;
    for (let slot = 0; slot < this.used; slot++) frees += this.freesOf(slot);
    return frees;
  }

  /**
   * Raises the peak of allocated blocks to the highest number since the last call for this slot: the number was highest
   * when the cache had its fewest entries. Called in each critical section before anything changes, and after an
   * allocation or a resize. The peak is exact for one worker; with several, it is off by what the others have cached.
   * The caller holds the lock.
   */
  settle(slot: number): void {
    const header = this.header;
    const at = slotWord(slot);
    const top = header[at + SLOT_TOP]!;
    // What other workers do meanwhile may count twice, but a pool never hands out more blocks than it has.
    const peak = Math.min(this.allocated() + top - header[at + SLOT_LOWEST]!, this.header[BLOCK_COUNT]!);
    header[at + SLOT_LOWEST] = top;
    if (peak > header[PEAK_ALLOCATED]!) header[PEAK_ALLOCATED] = peak;
  }

  /** The peak of allocated blocks, including what no worker has settled yet. */
  peak(): number {
    let excursion = 0;
    for (let slot = 0; slot < this.used; slot++) {
      const at = slotWord(slot);
      excursion = Math.max(excursion, this.header[at + SLOT_TOP]! - this.header[at + SLOT_LOWEST]!);
    }
    return Math.max(this.header[PEAK_ALLOCATED]!, Math.min(this.allocated() + excursion, this.header[BLOCK_COUNT]!));
  }

  /** The number of blocks in the workers' caches, as the slots count them. */
  cachedBlocks(): number {
    let cached = 0;
    for (let slot = 0; slot < this.used; slot++) cached += this.cached(slot) + this.cachedInRuns(slot);
    return cached;
  }

  /** Single blocks in a worker's cache: its entries, less those that are stale. */
  cached(slot: number): number {
    return this.header[slotWord(slot) + SLOT_TOP]! - this.header[slotWord(slot) + SLOT_STALE]!;
  }

  /** Single blocks that the worker has freed into its cache. */
  given(slot: number): number {
    return this.counters[slotDouble(slot) + SLOT_GIVEN]!;
  }

  /** Single blocks that refills brought into a worker's cache, less those that went back. */
  refilled(slot: number): number {
    return this.counters[slotDouble(slot) + SLOT_REFILLED]!;
  }

  /** Blocks in the short runs in a worker's cache. */
  cachedInRuns(slot: number): number {
    const at = slotWord(slot);
    return this.header[at + SLOT_RUN_BLOCKS]! - this.header[at + SLOT_RUN_BLOCKS_RECALLED]!;
  }

  private allocated(): number {
    const { header } = this;
    return header[BLOCK_COUNT]! - header[FREE_BLOCKS]! - header[DEPOT_COUNT]! - this.cachedBlocks();
  }

  /** Allocations from the worker's cache. For single blocks that is what came into the cache and is no longer there. */
  private allocsOf(slot: number): number {
    const counters = this.counters;
    const came = counters[slotDouble(slot) + SLOT_REFILLED]! + counters[slotDouble(slot) + SLOT_GIVEN]!;
    return came - this.cached(slot) + counters[slotDouble(slot) + SLOT_RUNS_TAKEN]!;
  }

  /** The right value of SLOT_SUM for this worker. */
  private checksum(slot: number, worker: number): number {
    const thread = slotWord(slot) + 2 * SLOT_THREAD;
    return addToSum(addToSum(worker, this.header[thread]!), this.header[thread + 1]!);
  }

  /** Frees into the worker's cache. */
  private freesOf(slot: number): number {
    const counters = this.counters;
    return counters[slotDouble(slot) + SLOT_GIVEN]! + counters[slotDouble(slot) + SLOT_RUNS_GIVEN]!;
  }
}
