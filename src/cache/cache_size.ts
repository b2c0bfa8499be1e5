import { HOLDER } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { type BlockCache, FIRST_LIMIT } from "./block_cache.ts";
import type { Refiller } from "./refill.ts";
import type { Worker } from "./worker.ts";

/** Larger caches of several workers together hold no more than this share of the pool, one in so many blocks. */
const SHARE = 4;

/** The cache of a worker that frees what others allocate: from so many blocks on, the lock's share of the time is small. */
const BATCH = 1024;

/**
 * Fills and empties this worker's cache, and adapts how many blocks it may hold to what the worker does: it allocates and
 * frees in turns or in bursts, only allocates, or only frees. After tcmalloc's slow start: Sanjay Ghemawat and Paul Menage,
 * "TCMalloc: Thread-Caching Malloc" (2005).
 */
export class CacheSize {
  declare private readonly region: Region;
  declare private readonly slot: number;
  declare private readonly cache: BlockCache;
  declare private readonly refiller: Refiller;
  /** Whether the cache was empty since the last flush. */
  private hasDrained = false;

  constructor({ region, slot }: Pick<Worker, "region" | "slot">, cache: BlockCache, refiller: Refiller) {
    this.region = region;
    this.slot = slot;
    this.cache = cache;
    this.refiller = refiller;
  }

  /**
   * Fills the cache if it is empty. If there was no flush since it was last empty, the worker allocates more than it frees,
   * and gets more at once. The caller holds the lock.
   */
  refill(): void {
    if (this.hasDrained) this.cache.adapt(this.share(this.region.slots.countWorkers()));
    this.hasDrained = true;
    this.refiller.refill(this.updateRoom());
  }

  /**
   * Makes room in a full cache: enlarges it, as long as that hides no large share of the pool from others, or flushes it. If
   * it has not been empty since the last flush, the worker only frees what others allocate. Then nothing stays in the
   * cache, which has to be no larger than good batches are. Returns how many blocks left it. The caller holds the lock.
   */
  makeRoom(): number {
    if (!this.isFull()) return 0;
    const workers = this.region.slots.countWorkers();
    const share = this.share(workers);
    const onlyFrees = !this.hasDrained && workers > 1;
    if (this.cache.adapt(onlyFrees ? Math.min(share, BATCH) : share) && !this.isFull()) return 0;
    this.hasDrained = false;
    const room = this.cache.updateRoom();
    return this.refiller.flush(onlyFrees ? 0 : room >> 1);
  }

  /**
   * Enlarges the cache if another worker has the lock, so that this one need not wait. Returns whether it is larger now.
   * What the header says about the lock may be out of date: then this worker waits, or its cache grows early.
   */
  enlargeIfLocked(): boolean {
    const { header, slots } = this.region;
    if (header[HOLDER] === 0 || !this.cache.adapt(this.share(slots.countWorkers()))) return false;
    this.cache.updateRoom();
    return true;
  }

  /** How many blocks this worker may cache. One that is alone hides them from nobody. */
  private share(workers: number): number {
    const { blockCount } = this.region.table;
    return workers === 1 ? blockCount : Math.max(FIRST_LIMIT, Math.ceil(blockCount / (SHARE * workers)));
  }

  private isFull(): boolean {
    return this.region.slots.validTop(this.slot) >= this.updateRoom();
  }

  /** The room for single blocks in the cache, once idle short runs have left it. */
  private updateRoom(): number {
    this.refiller.flushIdleRuns();
    return this.cache.updateRoom();
  }
}
