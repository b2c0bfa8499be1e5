import type { Worker } from "../cache/worker.ts";
import { isAllocated, stateOf } from "../region/block_table.ts";
import { ALLOCATED, ALLOCS, EXHAUSTED, FREE, NONE } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import type { WorkerSlots } from "../region/worker_slots.ts";
import type { Mapping } from "../runtime/native.ts";
import type { Heap } from "./heap.ts";
import { type Hooks, NO_HOOKS } from "./hooks.ts";
import type { Lock } from "./lock.ts";

/** What `resize` returns instead of a block if the block is not allocated. */
export const NOT_ALLOCATED = -2;

/** Where a run is from now on, and how many bytes must be copied there after the critical section. */
interface Outcome {
  readonly block: number;
  readonly bytesToMove: number;
}

/** Lengthens and shortens allocated runs: in place, or in another run, or as the last resort in an overlapping run. */
export class Resizer {
  readonly #mapping: Mapping;
  readonly #region: Region;
  readonly #slots: WorkerSlots;
  readonly #lock: Lock;
  readonly #heap: Heap;
  readonly #slot: number;
  readonly #number: number;

  constructor(worker: Worker, lock: Lock, heap: Heap) {
    this.#mapping = worker.mapping;
    this.#region = worker.region;
    this.#slots = worker.region.slots;
    this.#lock = lock;
    this.#heap = heap;
    this.#slot = worker.slot;
    this.#number = worker.number;
  }

  /**
   * Makes an allocated run of this worker hold so many bytes and keeps its contents. Returns its first block, NONE if
   * there is no room, or NOT_ALLOCATED. If `hooks` keep the old run, it stays allocated after its contents have moved.
   */
  resize(block: number, bytes: number, hooks: Hooks): number {
    // One section for everything: what the search for another run recalls around this run must stay free for the slide.
    const outcome = this.#lock.run("reallocate", () => this.#resizeLocked(block, bytes, hooks));
    return outcome.bytesToMove === 0 ? outcome.block : this.#moveOut(block, outcome, hooks);
  }

  #resizeLocked(block: number, bytes: number, hooks: Hooks): Outcome {
    if (hooks === NO_HOOKS && this.#resizeSingle(block, bytes)) return stays(block);
    if (!this.#isThere(block, hooks)) return stays(NOT_ALLOCATED);
    const length = this.#heap.lengthFor(bytes);
    if (length > this.#region.table.capacity) return stays(this.#exhausted());
    if (this.#resizeInPlace(block, length, bytes, hooks)) return stays(block);
    // Read under the lock: later, this descriptor may belong to a free run.
    const bytesToMove = Math.min(this.#region.table.requested(block), bytes);
    const elsewhere = this.#heap.take(bytes);
    if (elsewhere === NONE) return stays(this.#slide(block, length, bytes, hooks));
    hooks.allocated(elsewhere);
    return { block: elsewhere, bytesToMove };
  }

  /** Under the lock too: if another worker frees the block by mistake, these words may become the links of a list. */
  #resizeSingle(block: number, bytes: number): boolean {
    const { table, blockSize } = this.#region;
    if (bytes > blockSize || stateOf(table.loadTag(block)) !== ALLOCATED || !table.adopt(block, this.#number)) {
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

  #resizeInPlace(block: number, length: number, bytes: number, hooks: Hooks): boolean {
    const { table, runs } = this.#region;
    const before = table.length(block);
    const held = table.requested(block);
    if (length < before && !hooks.leaves(block, "shrinks")) return false;
    this.#heap.clear(block + length, block + before);
    const resized = runs.resize(block, length, bytes, this.#number);
    if (resized && bytes !== held) hooks.resized(block);
    this.#slots.settle(this.#slot);
    return resized;
  }

  /** Both runs are this worker's, so copying needs no lock. */
  #moveOut(from: number, { block: to, bytesToMove }: Outcome, hooks: Hooks): number {
    const { blockSize } = this.#region;
    this.#mapping.move(to * blockSize, from * blockSize, bytesToMove);
    return this.#lock.run("reallocate", () => this.#leave(from, to, hooks));
  }

  #leave(from: number, to: number, hooks: Hooks): number {
    if (!hooks.isNamed(from, 0)) {
      this.#heap.freeRun(to);
      return NOT_ALLOCATED;
    }
    if (!hooks.leaves(from, "moved")) this.#region.table.adopt(from, this.#number);
    // Another worker may have freed the run by mistake. That free was counted, so the new allocation counts too. And
    // the new run may be the very one that was freed.
    else if (from === to || !this.#heap.freeRun(from)) this.#region.counters[ALLOCS]!++;
    return to;
  }

  /**
   * The last resort: lengthens the run into blocks that the pool grows by or that were cached around it until now, or
   * moves it down into the free run before it, which it may overlap.
   */
  #slide(block: number, length: number, bytes: number, hooks: Hooks): number {
    const { table, runs, blockSize } = this.#region;
    // Meanwhile a short run may have been freed without the lock, and recalled.
    if (!this.#isThere(block, hooks)) return NOT_ALLOCATED;
    this.#heap.growBehind(block, length);
    if (this.#resizeInPlace(block, length, bytes, hooks)) return block;
    const first = runs.roomAround(block, length);
    if (first === NONE || !hooks.leaves(block, "slides")) return this.#exhausted();
    const before = table.requested(block);
    const own = table.length(block);
    if (table.claim(block, FREE) === 0) return NOT_ALLOCATED;
    runs.coalesce(block);
    runs.allocateAt(first, length, bytes, this.#number);
    hooks.allocated(first);
    this.#mapping.move(first * blockSize, block * blockSize, before);
    this.#heap.clear(first + length, block + own);
    return first;
  }
}

/** Nothing is left to copy. */
function stays(block: number): Outcome {
  return { block, bytesToMove: 0 };
}
