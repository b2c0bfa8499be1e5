import type { Native } from "./ffi/native.ts";
import {
  CACHED,
  CACHED_BLOCKS,
  cacheWord,
  FREE,
  FREE_BLOCKS,
  NONE,
  PLAIN_CLAIMS,
  RECALLED,
  SLOT_CLAIM,
  SLOT_LOWEST,
  SLOT_STALE,
  SLOT_TOP,
  TAG,
} from "./layout.ts";
import { slotWord } from "./slots.ts";
import { makeTag } from "./table.ts";
import type { Views } from "./views.ts";

/**
 * What fills and empties the worker caches: the slow side of src/cache.ts. The caller holds the lock, so nobody else
 * refills, drains or recalls; the other workers go on taking and giving.
 */
export class Supply {
  readonly #native: Native;
  readonly #views: Views;
  readonly #capacity: number;
  readonly #worker: number;
  readonly #slot: number;
  readonly #at: number;
  readonly #entries: number;
  readonly #cachedTag: number;

  constructor(native: Native, views: Views, slot: number, worker: number) {
    this.#native = native;
    this.#views = views;
    this.#capacity = views.header[CACHED_BLOCKS]!;
    this.#worker = worker;
    this.#slot = slot;
    this.#at = slotWord(slot);
    this.#entries = cacheWord(slot, this.#capacity);
    this.#cachedTag = makeTag(CACHED, worker);
  }

  /** Drops stale entries from the top, and where the cache is empty then, fills half of it. */
  refill(): void {
    const { meta, table } = this.#views;
    meta[this.#at + SLOT_CLAIM] = NONE;
    let top = meta[this.#at + SLOT_TOP]!;
    while (top > 0 && table.loadTag(meta[this.#entries + top - 1]!) !== this.#cachedTag) top = this.#dropTop(top);
    if (top > 0) return;
    const wanted = this.#share();
    let count = 0;
    while (count < wanted) {
      const more = this.#views.runs.cache(wanted - count, this.#worker, meta, this.#entries + count);
      if (more === 0) break;
      count += more;
    }
    this.#reverse(count);
    this.#views.slots.supply(this.#slot, count);
    this.#setTop(count);
  }

  /** Makes room in a full cache: its older half becomes free. */
  drain(): void {
    const { meta } = this.#views;
    const top = meta[this.#at + SLOT_TOP]!;
    if (top < this.#capacity) return;
    const count = Math.ceil(top / 2);
    this.#release(count);
    meta.copyWithin(this.#entries, this.#entries + count, this.#entries + top);
    this.#setTop(top - count);
  }

  /** Makes all that this worker has cached free. */
  flush(): void {
    this.#release(this.#views.meta[this.#at + SLOT_TOP]!);
    this.#setTop(0);
  }

  /**
   * Makes all that any worker has cached free, but for what is being taken this moment; says whether that was anything.
   * Where the system refuses the barrier, other workers' caches stay as they are.
   */
  recall(): boolean {
    const { header, slots } = this.#views;
    const before = header[FREE_BLOCKS]!;
    this.flush();
    let marked = false;
    for (let slot = 0; slot < slots.used; slot++) marked = this.#mark(slot) || marked;
    if (marked) {
      const passed = header[PLAIN_CLAIMS] !== 1 || this.#native.barrier();
      for (let slot = 0; slot < slots.used; slot++) this.#take(slot, passed);
    }
    return header[FREE_BLOCKS]! > before;
  }

  /** How many blocks to cache: half of what there is room for, and a fair share of what is left. */
  #share(): number {
    const { header, slots } = this.#views;
    const fair = Math.floor(header[FREE_BLOCKS]! / (2 * slots.countWorkers()));
    return Math.max(1, Math.min(this.#capacity >> 1, fair));
  }

  #dropTop(top: number): number {
    const { meta } = this.#views;
    meta[this.#at + SLOT_TOP] = top - 1;
    meta[this.#at + SLOT_STALE]!--;
    return top - 1;
  }

  /** Several runs were cached one after the other; the first is to be used first. */
  #reverse(count: number): void {
    this.#views.meta.subarray(this.#entries, this.#entries + count).reverse();
  }

  #setTop(top: number): void {
    const { meta } = this.#views;
    meta[this.#at + SLOT_TOP] = top;
    meta[this.#at + SLOT_LOWEST] = top;
  }

  /** Frees the oldest entries of this worker's cache, but for stale ones. */
  #release(count: number): void {
    const { meta, table, runs, slots } = this.#views;
    for (let entry = this.#entries; entry < this.#entries + count; entry++) {
      const block = meta[entry]!;
      if (table.loadTag(block) !== this.#cachedTag) {
        meta[this.#at + SLOT_STALE]!--;
        continue;
      }
      table.set(block, TAG, FREE);
      runs.release(block);
      slots.supply(this.#slot, -1);
    }
  }

  /** Step A of recalling, for another worker's cache. */
  #mark(slot: number): boolean {
    const { meta, table, slots } = this.#views;
    const worker = slots.worker(slot);
    if (worker === 0 || slot === this.#slot) return false;
    const cached = makeTag(CACHED, worker);
    const recalled = makeTag(RECALLED, worker);
    const entries = cacheWord(slot, this.#capacity);
    let marked = false;
    for (let entry = entries; entry < entries + this.#capacity; entry++) {
      if (table.exchangeTag(meta[entry]!, cached, recalled)) marked = true;
    }
    return marked;
  }

  /** Steps C and D; without the barrier, C for every block. */
  #take(slot: number, passed: boolean): void {
    const { meta, table, runs, slots } = this.#views;
    const worker = slots.worker(slot);
    const claim = Atomics.load(meta, slotWord(slot) + SLOT_CLAIM);
    const cached = makeTag(CACHED, worker);
    const recalled = makeTag(RECALLED, worker);
    const entries = cacheWord(slot, this.#capacity);
    for (let entry = entries; entry < entries + this.#capacity; entry++) {
      const block = meta[entry]!;
      if (!passed || block === claim) {
        table.exchangeTag(block, recalled, cached);
      } else if (table.exchangeTag(block, recalled, FREE)) {
        runs.release(block);
        slots.supply(slot, -1);
        meta[slotWord(slot) + SLOT_STALE]!++;
      }
    }
  }
}
