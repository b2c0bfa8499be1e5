import { MemPoolError } from "../base/errors.ts";
import { reserveStack } from "../base/stack.ts";
import type { Worker } from "../cache/worker.ts";
import { isAllocated, stateOf } from "../region/block_table.ts";
import {
  ALLOCATED,
  ALLOCS,
  DESCRIPTOR_SHIFT,
  EXHAUSTED,
  FREE,
  LENGTH,
  NONE,
  REQUESTED_HIGH,
  REQUESTED_LOW,
} from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import type { WorkerSlots } from "../region/worker_slots.ts";
import type { Mapping } from "../runtime/native.ts";
import type { Heap } from "./heap.ts";
import { type Hooks, NO_HOOKS } from "./hooks.ts";
import type { Lock } from "./lock.ts";

const TWO_32 = 2 ** 32;

/** What `resize` returns instead of a block if the block is not allocated. */
export const NOT_ALLOCATED = -2;

/**
 * Makes what the caller needs of the run from this block on, for example a buffer. Called before the old run is given up, so
 * that an error leaves the old run as it was.
 */
export type Prepare = (block: number) => void;

/** Where a run is from now on, and how many bytes must be copied there after the critical section. */
interface Outcome {
  readonly block: number;
  readonly bytesToMove: number;
}

/**
 * Set by a plain store when a section has passed the point from which the call cannot fail any more. If an error (a full
 * stack) then ends the section, HOLDER stays set, and the recovery of the next section completes what is left to do.
 */
interface Progress {
  isComplete: boolean;
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
  resize(block: number, bytes: number, hooks: Hooks, prepare: Prepare): number {
    const outcome = this.#resizeOrTake(block, bytes, hooks, prepare);
    return outcome.bytesToMove === 0 ? outcome.block : this.#moveOut(block, outcome, hooks, prepare);
  }

  #resizeOrTake(block: number, bytes: number, hooks: Hooks, prepare: Prepare): Outcome {
    const progress = { isComplete: false };
    const inPlace = stays(block);
    try {
      // One section for everything: what the search for another run recalls around this run must stay free for the slide.
      return this.#lock.run("reallocate", () => this.#resizeLocked(block, bytes, hooks, prepare, progress));
    } catch (error) {
      if (progress.isComplete && !(error instanceof MemPoolError)) return inPlace;
      throw error;
    }
  }

  #resizeLocked(block: number, bytes: number, hooks: Hooks, prepare: Prepare, progress: Progress): Outcome {
    const { table } = this.#region;
    const isSingle = bytes <= this.#region.blockSize && stateOf(table.loadTag(block)) === ALLOCATED;
    if (isSingle && hooks === NO_HOOKS) {
      prepare(block);
      if (this.#resizeSingle(block, bytes)) return stays(block);
    }
    if (!this.#isThere(block, hooks)) return stays(NOT_ALLOCATED);
    const length = this.#heap.lengthFor(bytes);
    if (length > table.capacity) return stays(this.#exhausted());
    if (this.#resizeInPlace(block, length, bytes, hooks, prepare, progress)) return stays(block);
    // Read under the lock: later, this descriptor may belong to a free run.
    const bytesToMove = Math.min(table.requested(block), bytes);
    const elsewhere = this.#heap.take(bytes);
    if (elsewhere === NONE) return stays(this.#slide(block, length, bytes, hooks, prepare, progress));
    hooks.allocated(elsewhere);
    return { block: elsewhere, bytesToMove };
  }

  /** Under the lock too: if another worker frees the block by mistake, these words may become the links of a list. */
  #resizeSingle(block: number, bytes: number): boolean {
    const { table } = this.#region;
    if (!table.adopt(block, this.#number)) return false;
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

  #resizeInPlace(
    block: number,
    length: number,
    bytes: number,
    hooks: Hooks,
    prepare: Prepare,
    progress: Progress,
  ): boolean {
    const { table, runs } = this.#region;
    const before = table.length(block);
    const held = table.requested(block);
    if (!runs.fits(block, length) && !this.#heap.reclaimBehind(block, length)) return false;
    prepare(block);
    if (length < before && !hooks.leaves(block, "shrinks")) return false;
    this.#heap.clear(block + length, block + before);
    const { words } = table;
    const word = block << DESCRIPTOR_SHIFT;
    try {
      const resized = runs.resize(block, length, bytes, this.#number);
      if (resized && bytes !== held) hooks.resized(block);
      this.#slots.settle(this.#slot);
      return resized;
    } catch (error) {
      // If the length has changed, the resize is complete but for what the recovery does; otherwise the run is as it was.
      // Only plain stores here: the stack is full, and a call might fail.
      progress.isComplete = length !== before && words[word + LENGTH] === length;
      words[word + REQUESTED_LOW] = (progress.isComplete ? bytes : held) | 0;
      words[word + REQUESTED_HIGH] = ((progress.isComplete ? bytes : held) / TWO_32) | 0;
      throw error;
    }
  }

  /** Both runs are this worker's, so copying needs no lock. */
  #moveOut(from: number, { block: to, bytesToMove }: Outcome, hooks: Hooks, prepare: Prepare): number {
    const { blockSize } = this.#region;
    this.#mapping.move(to * blockSize, from * blockSize, bytesToMove);
    prepare(to);
    const progress = { isComplete: false };
    try {
      return this.#lock.run("reallocate", () => this.#leave(from, to, hooks, progress));
    } catch (error) {
      // The old run is free already, and the recovery completes the rest: this call has not failed.
      if (progress.isComplete && !(error instanceof MemPoolError)) return to;
      throw error;
    }
  }

  #leave(from: number, to: number, hooks: Hooks, progress: Progress): number {
    if (!hooks.isNamed(from, 0)) {
      this.#heap.freeRun(to);
      return NOT_ALLOCATED;
    }
    if (!hooks.leaves(from, "moved")) this.#region.table.adopt(from, this.#number);
    // Another worker may have freed the run by mistake. That free was counted, so the new allocation counts too. And
    // the new run may be the very one that was freed.
    else if (from === to || this.#heap.claim(from, FREE) === 0) this.#region.counters[ALLOCS]!++;
    else {
      progress.isComplete = true;
      this.#heap.coalesce(from);
    }
    return to;
  }

  /**
   * The last resort: lengthens the run into blocks that the pool grows by or that were cached around it until now, or
   * moves it down into the free run before it, which it may overlap.
   */
  #slide(
    block: number,
    length: number,
    bytes: number,
    hooks: Hooks,
    prepare: Prepare,
    progress: Progress,
  ): number {
    const { table, runs, blockSize } = this.#region;
    reserveStack(); // the old run is given up before the new one is complete
    // Meanwhile a short run may have been freed without the lock, and recalled.
    if (!this.#isThere(block, hooks)) return NOT_ALLOCATED;
    this.#heap.growBehind(block, length);
    if (this.#resizeInPlace(block, length, bytes, hooks, prepare, progress)) return block;
    const first = runs.roomAround(block, length);
    if (first === NONE) return this.#exhausted();
    prepare(first);
    if (!hooks.leaves(block, "slides")) return this.#exhausted();
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
