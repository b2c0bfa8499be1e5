import type { Native } from "../runtime/native.ts";
import type { Guard } from "./hooks.ts";
import { FREE, FREES, ORPHAN, SLOT_SWEPT } from "../region/layout.ts";
import { slotWord } from "../region/worker_slots.ts";
import { isAllocated, isCached, makeTag, stateOf, workerOf } from "../region/block_table.ts";
import { trustedLength, trustRun } from "../region/validate.ts";
import type { Views } from "../region/region.ts";

/** Makes a run free that the caller has claimed. */
type Release = (block: number) => void;

/**
 * Takes back what workers leave behind whose threads have ended without `close`. The caller holds the lock; a thread that
 * has ended does nothing any more, so its slot and its blocks change only here, or where others free its blocks.
 */
export class Reaper {
  readonly #native: Native;
  readonly #views: Views;
  readonly #release: Release;

  constructor(native: Native, views: Views, release: Release) {
    this.#native = native;
    this.#views = views;
    this.#release = release;
  }

  /** Makes what dead workers have cached free; says whether that was anything. Walks the table once for each death. */
  sweep(): boolean {
    const { meta } = this.#views;
    const dead = this.#dead().filter((slot) => meta[slotWord(slot) + SLOT_SWEPT] !== ~this.#views.slots.worker(slot));
    return dead.length > 0 && this.#sweep(dead) > 0;
  }

  /** Gives the slots of dead workers to others. What they had allocated stays for `reap`, as nobody's. */
  evict(): void {
    const dead = this.#dead();
    if (dead.length === 0) return;
    this.#sweep(dead);
    const { table } = this.#views;
    this.#visit(this.#workersOf(dead), (block, tag) => {
      if (isAllocated(tag)) table.exchangeTag(block, tag, makeTag(stateOf(tag), ORPHAN));
    });
    this.#leave(dead);
  }

  /**
   * Takes back all that dead workers have cached or allocated, and their slots. What `guard` does not let go stays
   * allocated. Returns how many blocks came back.
   */
  reap(guard: Guard): number {
    const { counters, table } = this.#views;
    const dead = this.#dead();
    let blocks = this.#sweep(dead);
    this.#visit(this.#workersOf(dead).add(ORPHAN), (block, tag) => {
      if (!isAllocated(tag)) return;
      trustRun(this.#views, block, tag);
      const length = table.length(block);
      if (!guard.leaves(block, "freed") || !table.exchangeTag(block, tag, FREE)) return;
      blocks += length;
      this.#release(block);
      counters[FREES]!++;
    });
    this.#leave(dead);
    return blocks;
  }

  /** Slots whose workers have ended. */
  #dead(): number[] {
    const { slots } = this.#views;
    const dead: number[] = [];
    for (let slot = 0; slot < slots.used; slot++) {
      if (slots.trustedWorker(slot) !== 0 && !this.#native.alive(slots.thread(slot))) dead.push(slot);
    }
    return dead;
  }

  #workersOf(dead: readonly number[]): Set<number> {
    return new Set(dead.map((slot) => this.#views.slots.worker(slot)));
  }

  /** By their tags, not by their caches' entries: a worker may have died between the two. */
  #sweep(dead: readonly number[]): number {
    const { meta, slots, table } = this.#views;
    if (dead.length === 0) return 0;
    const singles = new Map<number, number>();
    let blocks = 0;
    this.#visit(this.#workersOf(dead), (block, tag) => {
      if (!isCached(stateOf(tag)) || !table.exchangeTag(block, tag, FREE)) return;
      const length = trustedLength(table, block);
      if (length === 1) singles.set(workerOf(tag), (singles.get(workerOf(tag)) ?? 0) + 1);
      blocks += length;
      this.#release(block);
    });
    for (const slot of dead) {
      slots.empty(slot, singles.get(slots.worker(slot)) ?? 0);
      meta[slotWord(slot) + SLOT_SWEPT] = ~slots.worker(slot);
    }
    return blocks;
  }

  #leave(dead: readonly number[]): void {
    for (const slot of dead) this.#views.slots.leave(slot);
  }

  /** Calls `visit` for each run of these workers. It may make the run free, and that joins it with its neighbours. */
  #visit(workers: ReadonlySet<number>, visit: (block: number, tag: number) => void): void {
    const { table } = this.#views;
    for (let block = 0; block < table.blockCount;) {
      let next = block + trustedLength(table, block);
      if (next < table.blockCount && table.isFree(next)) next += trustedLength(table, next);
      const tag = table.loadTag(block);
      if ((isAllocated(tag) || isCached(stateOf(tag))) && workers.has(workerOf(tag))) visit(block, tag);
      block = next;
    }
  }
}
