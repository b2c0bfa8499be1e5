import type { Worker } from "../cache/worker.ts";
import { isAllocated, isCached, makeTag, stateOf, workerOf } from "../region/block_table.ts";
import { FREE, FREES, ORPHAN, SLOT_SWEPT } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { validateRun, validLength } from "../region/validate.ts";
import { slotWord } from "../region/worker_slots.ts";
import type { Native } from "../runtime/native.ts";
import { coalesce, type FreeingWorker } from "./coalesce.ts";
import type { Hooks } from "./hooks.ts";

/**
 * Takes back what dead workers left behind: workers whose threads have ended without `close`. The caller holds the
 * lock. A dead worker does nothing any more, so only this code changes its slot. Its blocks may also be freed by other
 * workers.
 */
export class Reaper {
  readonly #worker: FreeingWorker;
  readonly #native: Native;
  readonly #region: Region;
  readonly #slot: number;

  constructor(worker: Pick<Worker, "native" | "mapping" | "region" | "slot">) {
    this.#worker = worker;
    this.#native = worker.native;
    this.#region = worker.region;
    this.#slot = worker.slot;
  }

  /** Makes free what dead workers have cached. Returns whether that was anything. Walks once for each dead worker. */
  sweep(): boolean {
    const { meta } = this.#region;
    const dead = this.#dead().filter((slot) => meta[slotWord(slot) + SLOT_SWEPT] !== ~this.#region.slots.worker(slot));
    return dead.length > 0 && this.#sweep(dead) > 0;
  }

  /** Frees the slots of dead workers. What those workers had allocated belongs to no worker until `reap`. */
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
   * Takes back everything that dead workers have cached or allocated, and their slots. What `hooks` keep stays
   * allocated. Returns the number of blocks that came back.
   */
  reap(hooks: Hooks): number {
    const dead = this.#dead();
    return this.#takeBack(dead, this.#workersOf(dead).add(ORPHAN), hooks);
  }

  /**
   * Does the same if one of the dead workers is an earlier isolate of the calling thread. The program has started anew
   * then, so no other worker of the earlier run waits for what the dead ones have left.
   */
  reapEarlier(hooks: Hooks): void {
    const { slots } = this.#region;
    if (this.#dead().some((slot) => this.#native.earlier(slots.thread(slot)))) this.reap(hooks);
  }

  /** Takes back everything that the worker of a slot has cached or allocated, and the slot: the caller's own. */
  takeBack(slot: number, hooks: Hooks): void {
    this.#takeBack([slot], this.#workersOf([slot]), hooks);
  }

  /** The slots whose workers have ended. The calling worker's is not among them. */
  #dead(): number[] {
    const { slots } = this.#region;
    const dead: number[] = [];
    for (let slot = 0; slot < slots.used; slot++) {
      if (slot === this.#slot) continue;
      if (slots.validWorker(slot) !== 0 && !this.#native.alive(slots.thread(slot))) dead.push(slot);
    }
    return dead;
  }

  #takeBack(leaving: readonly number[], workers: ReadonlySet<number>, hooks: Hooks): number {
    const { counters, table } = this.#region;
    let blocks = this.#sweep(leaving);
    this.#visit(workers, (block, tag) => {
      if (!isAllocated(tag)) return;
      validateRun(this.#region, block, tag);
      const length = table.length(block);
      if (!hooks.leaves(block, "freed")) {
        // The hooks may have made another worker its owner. If not, it has none from now on, and a later reap finds it.
        table.exchangeTag(block, tag, makeTag(stateOf(tag), ORPHAN));
        return;
      }
      if (!table.exchangeTag(block, tag, FREE)) return;
      blocks += length;
      coalesce(this.#worker, block);
      counters[FREES]!++;
    });
    this.#leave(leaving);
    return blocks;
  }

  #workersOf(dead: readonly number[]): Set<number> {
    return new Set(dead.map((slot) => this.#region.slots.worker(slot)));
  }

  /** Goes by the tags, not by the entries of the caches: a worker may have died between storing the two. */
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
      coalesce(this.#worker, block);
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

  /** Calls `visit` for each run of these workers. `visit` may make the run free, which joins it with its neighbours. */
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
