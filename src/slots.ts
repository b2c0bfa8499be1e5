import {
  ALLOCS,
  BLOCK_COUNT,
  DEPOT_TOP,
  FREE_BLOCKS,
  FREES,
  NONE,
  PEAK_ALLOCATED,
  SLOT_CLAIM,
  SLOT_COUNT,
  SLOT_GIVEN,
  SLOT_LOWEST,
  SLOT_STALE,
  SLOT_SUPPLIED,
  SLOT_THREAD,
  SLOT_TOP,
  SLOT_WORDS,
  SLOT_WORKER,
  SLOTS,
  SLOTS_USED,
} from "./layout.ts";

/** The header word where a slot starts. */
export function slotWord(slot: number): number {
  return SLOTS + slot * SLOT_WORDS;
}

/** The double where a slot starts. */
function slotDouble(slot: number): number {
  return slotWord(slot) / 2;
}

/** The worker slots of a pool: who is attached, and what each worker says of its cache. */
export class Slots {
  readonly #header: Int32Array;
  readonly #counters: Float64Array;

  constructor(header: Int32Array, counters: Float64Array) {
    this.#header = header;
    this.#counters = counters;
  }

  /** Takes a free slot for a worker; NONE when there is none. The caller holds the lock. */
  take(worker: number, thread: number): number {
    const header = this.#header;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const at = slotWord(slot);
      if (header[at + SLOT_WORKER] !== 0) continue;
      header[at + SLOT_CLAIM] = NONE;
      this.#counters[slotDouble(slot) + SLOT_THREAD] = thread;
      header[SLOTS_USED] = Math.max(this.used, slot + 1);
      Atomics.store(header, at + SLOT_WORKER, worker);
      return slot;
    }
    return NONE;
  }

  /** Gives up a slot whose cache is empty; what it counted goes to the pool's counters. The caller holds the lock. */
  leave(slot: number): void {
    const counters = this.#counters;
    counters[ALLOCS]! += this.#taken(slot);
    counters[FREES]! += counters[slotDouble(slot) + SLOT_GIVEN]!;
    this.#header.fill(0, slotWord(slot) + SLOT_CLAIM, slotWord(slot) + SLOT_WORDS);
    Atomics.store(this.#header, slotWord(slot) + SLOT_WORKER, 0);
  }

  /** Slots from 0 that may have a worker. */
  get used(): number {
    return Math.min(this.#header[SLOTS_USED]!, SLOT_COUNT);
  }

  /** Notes that so many blocks came to a worker's cache from free runs, or went back. The caller holds the lock. */
  supply(slot: number, blocks: number): void {
    this.#counters[slotDouble(slot) + SLOT_SUPPLIED]! += blocks;
  }

  /**
   * Makes a dead worker's slot say that nothing is cached, after so many blocks were found to be and have been made free.
   * The caller holds the lock.
   */
  empty(slot: number, found: number): void {
    // If there were more, the worker died before it counted the last one that it gave back.
    this.#counters[slotDouble(slot) + SLOT_GIVEN]! += Math.max(0, found - this.#cached(slot));
    this.supply(slot, -found);
    const at = slotWord(slot);
    this.#header[at + SLOT_TOP] = this.#header[at + SLOT_STALE] = this.#header[at + SLOT_LOWEST] = 0;
  }

  /** The slot of a worker, or NONE. */
  slotOf(worker: number): number {
    for (let slot = 0; slot < this.used; slot++) {
      if (this.worker(slot) === worker) return slot;
    }
    return NONE;
  }

  /** The thread that the slot's worker is. */
  thread(slot: number): number {
    return this.#counters[slotDouble(slot) + SLOT_THREAD]!;
  }

  worker(slot: number): number {
    return Atomics.load(this.#header, slotWord(slot) + SLOT_WORKER);
  }

  countWorkers(): number {
    let workers = 0;
    for (let slot = 0; slot < this.used; slot++) {
      if (this.worker(slot) !== 0) workers++;
    }
    return workers;
  }

  /** Allocations so far. */
  allocs(): number {
    let allocs = this.#counters[ALLOCS]!;
    for (let slot = 0; slot < this.used; slot++) allocs += this.#taken(slot);
    return allocs;
  }

  /** Blocks given back so far. */
  frees(): number {
    let frees = this.#counters[FREES]!;
    for (let slot = 0; slot < this.used; slot++) frees += this.#counters[slotDouble(slot) + SLOT_GIVEN]!;
    return frees;
  }

  /**
   * Raises the peak to what this worker's cache has seen since it was last settled. Before every change under the lock
   * and after it; exact for one worker, and off by what other workers have cached with several. The caller holds the
   * lock.
   */
  settle(slot: number): void {
    const header = this.#header;
    const at = slotWord(slot);
    const top = header[at + SLOT_TOP]!;
    // What other workers do meanwhile can be counted twice, but no pool hands out more than it has.
    const peak = Math.min(this.#allocated() + top - header[at + SLOT_LOWEST]!, this.#header[BLOCK_COUNT]!);
    header[at + SLOT_LOWEST] = top;
    if (peak > header[PEAK_ALLOCATED]!) header[PEAK_ALLOCATED] = peak;
  }

  /** The peak, what no worker has settled yet included. */
  peak(): number {
    let excursion = 0;
    for (let slot = 0; slot < this.used; slot++) {
      const at = slotWord(slot);
      excursion = Math.max(excursion, this.#header[at + SLOT_TOP]! - this.#header[at + SLOT_LOWEST]!);
    }
    return Math.max(this.#header[PEAK_ALLOCATED]!, Math.min(this.#allocated() + excursion, this.#header[BLOCK_COUNT]!));
  }

  /** Blocks that are in caches, as their workers say, and in the depot. */
  cachedBlocks(): number {
    let cached = this.#header[DEPOT_TOP]!;
    for (let slot = 0; slot < this.used; slot++) cached += this.#cached(slot);
    return cached;
  }

  #allocated(): number {
    return this.#header[BLOCK_COUNT]! - this.#header[FREE_BLOCKS]! - this.cachedBlocks();
  }

  /** Blocks that the worker took from its cache: what came in and is no longer there. */
  #taken(slot: number): number {
    const counters = this.#counters;
    const came = counters[slotDouble(slot) + SLOT_SUPPLIED]! + counters[slotDouble(slot) + SLOT_GIVEN]!;
    return came - this.#cached(slot);
  }

  #cached(slot: number): number {
    return this.#header[slotWord(slot) + SLOT_TOP]! - this.#header[slotWord(slot) + SLOT_STALE]!;
  }
}
