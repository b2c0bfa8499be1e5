import type { Native } from "../runtime/native.ts";
import type { Hooks } from "./hooks.ts";
import { FREE, FREES, ORPHAN, SLOT_SWEPT } from "../region/layout.ts";
import { slotWord } from "../region/worker_slots.ts";
import { isAllocated, isCached, makeTag, stateOf, workerOf } from "../region/block_table.ts";
import { validateRun, validLength } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

/** Makes a run free that the caller has claimed. */
type Release = (block: number) => void;

/**
 * Takes back what workers leave behind whose threads have ended without `close`. The caller holds the lock; a thread that
 * has ended does nothing any more, so its slot and its blocks change only here, or where others free its blocks.
 */
export class Reaper {
  readonly #native: Native;
  readonly #region: Region;
  readonly #release: Release;

  constructor(native: Native, region: Region, release: Release) {
    this.#native = native;
    this.#region = region;
    this.#release = release;
  }

  /** Makes what dead workers have cached free; says whether that was anything. Walks the table once for each death. */
  sweep(): boolean {
    const { meta } = this.#region;
    const dead = this.#dead().filter((slot) => meta[slotWord(slot) + SLOT_SWEPT] !== ~this.#region.slots.worker(slot));
    return dead.length > 0 && this.#sweep(dead) > 0;
  }

  /** Gives the slots of dead workers to others. What they had allocated stays for `reap`, as nobody's. */
  evict(): void {
    const dead = this.#dead();
    if (dead.length === 0) return;
    this.#sweep(dead);
    const { table } = this.#region;
    this.#visit(this.#workersOf(dead), (block, tag) => {
      if (isAllocated(tag)) table.exchangeTag(block, tag, makeTag(stateOf(tag), ORPHAN));
    });
    this.#leave(dead);
  }

  /**
   * Takes back all that dead workers have cached or allocated, and their slots. What `guard` does not let go stays
   * allocated. Returns how many blocks came back.
   */
  reap(hooks: Hooks): number {
    const { counters, table } = this.#region;
    const dead = this.#dead();
    let blocks = this.#sweep(dead);
    this.#visit(this.#workersOf(dead).add(ORPHAN), (block, tag) => {
      if (!isAllocated(tag)) return;
      validateRun(this.#region, block, tag);
      const length = table.length(block);
      if (!hooks.leaves(block, "freed") || !table.exchangeTag(block, tag, FREE)) return;
      blocks += length;
      this.#release(block);
      counters[FREES]!++;
    });
    this.#leave(dead);
    return blocks;
  }

  /** Slots whose workers have ended. */
  #dead(): number[] {
    const { slots } = this.#region;
    const dead: number[] = [];
    for (let slot = 0; slot < slots.used; slot++) {
      if (slots.validWorker(slot) !== 0 && !this.#native.alive(slots.thread(slot))) dead.push(slot);
    }
    return dead;
  }

  #workersOf(dead: readonly number[]): Set<number> {
    return new Set(dead.map((slot) => this.#region.slots.worker(slot)));
  }

  /** By their tags, not by their caches' entries: a worker may have died between the two. */
  #sweep(dead: readonly number[]): number {
    const { meta, slots, table } = this.#region;
    if (dead.length === 0) return 0;
    const singles = new Map<number, number>();
    let blocks = 0;
    this.#visit(this.#workersOf(dead), (block, tag) => {
      if (!isCached(stateOf(tag)) || !table.exchangeTag(block, tag, FREE)) return;
      const length = validLength(table, block);
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
    for (const slot of dead) this.#region.slots.leave(slot);
  }

  /** Calls `visit` for each run of these workers. It may make the run free, and that joins it with its neighbours. */
  #visit(workers: ReadonlySet<number>, visit: (block: number, tag: number) => void): void {
    const { table } = this.#region;
    for (let block = 0; block < table.blockCount;) {
      let next = block + validLength(table, block);
      if (next < table.blockCount && table.isFree(next)) next += validLength(table, next);
      const tag = table.loadTag(block);
      if ((isAllocated(tag) || isCached(stateOf(tag))) && workers.has(workerOf(tag))) visit(block, tag);
      block = next;
    }
  }
}
