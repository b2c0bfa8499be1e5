import type { Region } from "../runtime/native.ts";
import { type Guard, UNGUARDED } from "./hooks.ts";
import { ALLOCATED, ALLOCS, EXHAUSTED, FREE, NONE } from "../region/layout.ts";
import type { Sections } from "./sections.ts";
import type { Slots } from "../region/worker_slots.ts";
import type { Stock } from "./heap.ts";
import { isAllocated, stateOf } from "../region/block_table.ts";
import type { Views } from "../region/region.ts";

/** What `resize` says instead of a block when there is nothing to resize. */
export const NOT_ALLOCATED = -2;

/** Makes allocated runs longer and shorter: where they lie, else elsewhere, as the last resort overlapping. */
export class Resizer {
  readonly #region: Region;
  readonly #views: Views;
  readonly #slots: Slots;
  readonly #sections: Sections;
  readonly #stock: Stock;
  readonly #slot: number;
  readonly #worker: number;
  /** Bytes in the run that moves, read under the lock: later, a descriptor may be that of a free run. */
  #contents = 0;

  constructor(region: Region, views: Views, sections: Sections, stock: Stock, slot: number, worker: number) {
    this.#region = region;
    this.#views = views;
    this.#slots = views.slots;
    this.#sections = sections;
    this.#stock = stock;
    this.#slot = slot;
    this.#worker = worker;
  }

  /**
   * Makes an allocated run of this worker hold so many bytes, its contents kept. Returns its first block, NONE when there
   * is no room, or NOT_ALLOCATED. What `guard` does not let go stays allocated when its contents have moved.
   */
  resize(block: number, bytes: number, guard: Guard): number {
    let elsewhere = NONE;
    // All in one section: what is recalled in search of another run may lie around the block, and is to stay there.
    const target = this.#sections.run("reallocate", () => {
      if (guard === UNGUARDED && this.#resizeSingle(block, bytes)) return block;
      if (!this.#isThere(block, guard)) return NOT_ALLOCATED;
      const length = this.#stock.lengthFor(bytes);
      if (length > this.#views.table.capacity) return this.#exhausted();
      if (this.#resizeInPlace(block, length, bytes, guard)) return block;
      elsewhere = this.#takeElsewhere(block, bytes, guard);
      return elsewhere !== NONE ? elsewhere : this.#slide(block, length, bytes, guard);
    });
    return elsewhere === NONE ? target : this.#moveOut(block, elsewhere, guard);
  }

  /** Under the lock too: if another worker frees the block by mistake, these words may become the links of a list. */
  #resizeSingle(block: number, bytes: number): boolean {
    const { table, blockSize } = this.#views;
    if (bytes > blockSize || stateOf(table.loadTag(block)) !== ALLOCATED || !table.adopt(block, this.#worker)) {
      return false;
    }
    table.setRequested(block, bytes);
    return true;
  }

  #isThere(block: number, guard: Guard): boolean {
    if (!isAllocated(this.#views.table.loadTag(block)) || !guard.isNamed(block, 0)) return false;
    this.#stock.trust(block);
    return true;
  }

  #exhausted(): number {
    this.#views.counters[EXHAUSTED]!++;
    return NONE;
  }

  /** Another run that is long enough, or NONE. */
  #takeElsewhere(block: number, bytes: number, guard: Guard): number {
    this.#contents = Math.min(this.#views.table.requested(block), bytes);
    const elsewhere = this.#stock.take(bytes);
    if (elsewhere !== NONE) guard.allocated(elsewhere);
    return elsewhere;
  }

  #resizeInPlace(block: number, length: number, bytes: number, guard: Guard): boolean {
    const { table, runs } = this.#views;
    const before = table.length(block);
    const held = table.requested(block);
    if (length < before && !guard.leaves(block, "shrinks")) return false;
    this.#stock.clear(block + length, block + before);
    const resized = runs.resize(block, length, bytes, this.#worker);
    if (resized && bytes !== held) guard.resized(block);
    this.#slots.settle(this.#slot);
    return resized;
  }

  /** Both runs are this worker's, so the copying needs no lock. */
  #moveOut(from: number, to: number, guard: Guard): number {
    const { blockSize } = this.#views;
    this.#region.move(to * blockSize, from * blockSize, this.#contents);
    return this.#sections.run("reallocate", () => this.#leave(from, to, guard));
  }

  #leave(from: number, to: number, guard: Guard): number {
    if (!guard.isNamed(from, 0)) {
      this.#stock.release(to);
      return NOT_ALLOCATED;
    }
    if (!guard.leaves(from, "moved")) this.#views.table.adopt(from, this.#worker);
    // Another worker has freed it by mistake, and has counted that: so the new one counts too. It may be the same.
    else if (from === to || !this.#stock.release(from)) this.#views.counters[ALLOCS]!++;
    return to;
  }

  /**
   * The last resort: into what the pool may grow by, or had been cached around the block until just now; and down into the
   * free run before, overlapping where it lies.
   */
  #slide(block: number, length: number, bytes: number, guard: Guard): number {
    const { table, runs, blockSize } = this.#views;
    // A short run may have been freed meanwhile, without the lock, and recalled.
    if (!this.#isThere(block, guard)) return NOT_ALLOCATED;
    this.#stock.growth.growBehind(block, length);
    if (this.#resizeInPlace(block, length, bytes, guard)) return block;
    const first = runs.roomAround(block, length);
    if (first === NONE || !guard.leaves(block, "slides")) return this.#exhausted();
    const before = table.requested(block);
    const own = table.length(block);
    if (table.claim(block, FREE) === 0) return NOT_ALLOCATED;
    runs.release(block);
    runs.allocateAt(first, length, bytes, this.#worker);
    guard.allocated(first);
    this.#region.move(first * blockSize, block * blockSize, before);
    this.#stock.clear(first + length, block + own);
    return first;
  }
}
