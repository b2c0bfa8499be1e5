import { SLOT_COUNT } from "../region/layout.ts";
import type { WorkerSlots } from "../region/worker_slots.ts";

/** Numbers that are noted for each slot. */
const NUMBERS = 4;

/**
 * Which workers' caches this worker has looked through and found without a cached block, so that a pool that stays
 * exhausted is not looked through again and again. A cache may have hundreds of stale entries.
 *
 * A cache gets blocks from its worker's frees and from refills. Either changes one of the numbers that are noted here, or
 * is in the middle of changing the top: then the block has no entry yet that another worker could find. The notes do not
 * rest on the slot's count of stale entries, because that may be off by one, or overwritten.
 */
export class EmptyCaches {
  declare private readonly slots: WorkerSlots;
  private readonly noted: Float64Array = new Float64Array(NUMBERS * SLOT_COUNT);
  private readonly present: Float64Array = new Float64Array(NUMBERS);

  constructor(slots: WorkerSlots) {
    this.slots = slots;
  }

  /** Whether nothing has come into the cache of a slot since it was noted. Called before the cache is looked through. */
  has(slot: number): boolean {
    const { slots, noted, present } = this;
    present[0] = slots.worker(slot);
    present[1] = slots.validTop(slot);
    present[2] = slots.given(slot);
    present[3] = slots.refilled(slot);
    const at = NUMBERS * slot;
    for (let each = 0; each < NUMBERS; each++) if (present[each] !== noted[at + each]) return false;
    return true;
  }

  /** Notes that the cache of the slot that `has` was last called with had no cached block. */
  note(slot: number): void {
    this.noted.set(this.present, NUMBERS * slot);
  }
}
