import type { Mapping } from "../runtime/native.ts";
import { type Hooks, NO_HOOKS } from "./hooks.ts";
import { ALLOCATED, ALLOCS, EXHAUSTED, FREE, NONE } from "../region/layout.ts";
import type { Sections } from "./sections.ts";
import type { WorkerSlots } from "../region/worker_slots.ts";
import type { Heap } from "./heap.ts";
import { isAllocated, stateOf } from "../region/block_table.ts";
import type { Region } from "../region/region.ts";

/** What `resize` says instead of a block when there is nothing to resize. */
export const NOT_ALLOCATED = -2;

/** Makes allocated runs longer and shorter: where they lie, else elsewhere, as the last resort overlapping. */
export class Resizer {
  readonly #mapping: Mapping;
  readonly #region: Region;
  readonly #slots: WorkerSlots;
  readonly #sections: Sections;
  readonly #heap: Heap;
  readonly #slot: number;
  readonly #worker: number;
  /** Bytes in the run that moves, read under the lock: later, a descriptor may be that of a free run. */
  #contents = 0;

  constructor(mapping: Mapping, region: Region, sections: Sections, heap: Heap, slot: number, worker: number) {
    this.#mapping = mapping;
    this.#region = region;
    this.#slots = region.slots;
    this.#sections = sections;
    this.#heap = heap;
    this.#slot = slot;
    this.#worker = worker;
  }

  /**
   * Makes an allocated run of this worker hold so many bytes, its contents kept. Returns its first block, NONE when there
   * is no room, or NOT_ALLOCATED. What `guard` does not let go stays allocated when its contents have moved.
   */
  resize(block: number, bytes: number, hooks: Hooks): number {
    let elsewhere = NONE;
    // All in one section: what is recalled in search of another run may lie around the block, and is to stay there.
    const target = this.#sections.run("reallocate", () => {
      if (hooks === NO_HOOKS && this.#resizeSingle(block, bytes)) return block;
      if (!this.#isThere(block, hooks)) return NOT_ALLOCATED;
      const length = this.#heap.lengthFor(bytes);
      if (length > this.#region.table.capacity) return this.#exhausted();
      if (this.#resizeInPlace(block, length, bytes, hooks)) return block;
      elsewhere = this.#takeElsewhere(block, bytes, hooks);
      return elsewhere !== NONE ? elsewhere : this.#slide(block, length, bytes, hooks);
    });
    return elsewhere === NONE ? target : this.#moveOut(block, elsewhere, hooks);
  }

  /** Under the lock too: if another worker frees the block by mistake, these words may become the links of a list. */
  #resizeSingle(block: number, bytes: number): boolean {
    const { table, blockSize } = this.#region;
    if (bytes > blockSize || stateOf(table.loadTag(block)) !== ALLOCATED || !table.adopt(block, this.#worker)) {
      return false;
    }
    table.setRequested(block, bytes);
    return true;
  }

  #isThere(block: number, hooks: Hooks): boolean {
    if (!isAllocated(this.#region.table.loadTag(block)) || !hooks.isNamed(block, 0)) return false;
    this.#heap.validate(block);
    return true;
  }

  #exhausted(): number {
    this.#region.counters[EXHAUSTED]!++;
    return NONE;
  }

  /** Another run that is long enough, or NONE. */
  #takeElsewhere(block: number, bytes: number, hooks: Hooks): number {
    this.#contents = Math.min(this.#region.table.requested(block), bytes);
    const elsewhere = this.#heap.take(bytes);
    if (elsewhere !== NONE) hooks.allocated(elsewhere);
    return elsewhere;
  }

  #resizeInPlace(block: number, length: number, bytes: number, hooks: Hooks): boolean {
    const { table, runs } = this.#region;
    const before = table.length(block);
    const held = table.requested(block);
    if (length < before && !hooks.leaves(block, "shrinks")) return false;
    this.#heap.clear(block + length, block + before);
    const resized = runs.resize(block, length, bytes, this.#worker);
    if (resized && bytes !== held) hooks.resized(block);
    this.#slots.settle(this.#slot);
    return resized;
  }

  /** Both runs are this worker's, so the copying needs no lock. */
  #moveOut(from: number, to: number, hooks: Hooks): number {
    const { blockSize } = this.#region;
    this.#mapping.move(to * blockSize, from * blockSize, this.#contents);
    return this.#sections.run("reallocate", () => this.#leave(from, to, hooks));
  }

  #leave(from: number, to: number, hooks: Hooks): number {
    if (!hooks.isNamed(from, 0)) {
      this.#heap.freeRun(to);
      return NOT_ALLOCATED;
    }
    if (!hooks.leaves(from, "moved")) this.#region.table.adopt(from, this.#worker);
    // Another worker has freed it by mistake, and has counted that: so the new one counts too. It may be the same.
    else if (from === to || !this.#heap.freeRun(from)) this.#region.counters[ALLOCS]!++;
    return to;
  }

  /**
   * The last resort: into what the pool may grow by, or had been cached around the block until just now; and down into the
   * free run before, overlapping where it lies.
   */
  #slide(block: number, length: number, bytes: number, hooks: Hooks): number {
    const { table, runs, blockSize } = this.#region;
    // A short run may have been freed meanwhile, without the lock, and recalled.
    if (!this.#isThere(block, hooks)) return NOT_ALLOCATED;
    this.#heap.growth.growBehind(block, length);
    if (this.#resizeInPlace(block, length, bytes, hooks)) return block;
    const first = runs.roomAround(block, length);
    if (first === NONE || !hooks.leaves(block, "slides")) return this.#exhausted();
    const before = table.requested(block);
    const own = table.length(block);
    if (table.claim(block, FREE) === 0) return NOT_ALLOCATED;
    runs.coalesce(block);
    runs.allocateAt(first, length, bytes, this.#worker);
    hooks.allocated(first);
    this.#mapping.move(first * blockSize, block * blockSize, before);
    this.#heap.clear(first + length, block + own);
    return first;
  }
}
