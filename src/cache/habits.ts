import { CACHED_BLOCKS, DEPOT_CACHES, SLOT_GIVEN, SLOT_REFILLED, SLOT_RUNS_TAKEN } from "../region/layout.ts";
import { slotWord } from "../region/worker_slots.ts";
import type { Region } from "../region/region.ts";

/**
 * What a worker has done of late, as far as it matters for how its cache is filled: by the counters that the fast paths keep
 * anyway, looked at when the lock is held for a refill or a drain.
 */
export class Habits {
  declare private readonly counters: Float64Array;
  // Where things lie in `counters`.
  declare private readonly givenAt: number;
  declare private readonly suppliedAt: number;
  declare private readonly runsTakenAt: number;
  declare private readonly depotCapacity: number;
  /** What the counters said when they were looked at last. */
  private given = 0;
  private supplied = 0;
  private runsTaken = 0;
  /** Blocks that refills brought in a row, between which the worker gave back fewer. */
  private consumed = 0;

  constructor(region: Region, slot: number) {
    this.counters = region.counters;
    const at = slotWord(slot) / 2;
    this.givenAt = at + SLOT_GIVEN;
    this.suppliedAt = at + SLOT_REFILLED;
    this.runsTakenAt = at + SLOT_RUNS_TAKEN;
    this.depotCapacity = DEPOT_CACHES * region.header[CACHED_BLOCKS]!;
  }

  /** Whether it took no short run out of its cache since this was asked last. */
  hasTakenNoRun(): boolean {
    const taken = this.counters[this.runsTakenAt]!;
    const none = taken === this.runsTaken;
    this.runsTaken = taken;
    return none;
  }

  /** Notes that the cache is empty and will be refilled. */
  noteRefill(): void {
    const given = this.counters[this.givenAt]!;
    const supplied = this.counters[this.suppliedAt]!;
    const brought = supplied - this.supplied;
    this.consumed = given - this.given < brought ? this.consumed + brought : 0;
    this.given = given;
    this.supplied = supplied;
  }

  /**
   * Whether it allocates what others free: as much as the depot holds came of late, and of all that it took it gave back less
   * than half. A burst of allocations that it will free itself is shorter, or not from the depot but for its start.
   */
  get isConsumer(): boolean {
    return this.consumed >= this.depotCapacity;
  }
}
