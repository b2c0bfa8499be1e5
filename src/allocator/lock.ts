import { MemPoolError } from "../base/errors.ts";
import type { Worker } from "../cache/worker.ts";
import {
  HOLDER,
  LIVE,
  LOCK_ACQUISITIONS,
  LOCK_CONTENDED,
  LOCK_TIMEOUT,
  NONE,
  OWNER_DEATHS,
  STATE,
} from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { isLive, stateError } from "../region/validate.ts";
import type { WorkerSlots } from "../region/worker_slots.ts";
import { CONTENDED, INHERITED, LOCKED, type Mapping, type Native, TIMED_OUT } from "../runtime/native.ts";
import { recover } from "./recovery.ts";
import type { Server } from "./serve.ts";

/**
 * The pool's lock as one worker uses it. `run` enters a critical section, and `inspect` enters one that changes
 * nothing.
 *
 * There is one exception, for the two hot paths `Allocator.allocate` and `Allocator.free`, where creating a closure for
 * each call would cost as much as the section itself:
 *
 *     lock.enter("allocate");
 *     try { …; lock.leave(); } catch (error) { lock.unlock(); throw error; }
 *
 * HOLDER is set exactly while a critical section is under way. So if HOLDER is set when a worker acquires the lock,
 * then the last section was left half done: its worker died in it, or an exception (a full stack, for example) ended
 * it. The worker that finds this runs the recovery before anything else.
 */
export class Lock {
  declare private readonly native: Pick<Native, "alive">;
  declare private readonly mapping: Mapping;
  declare private readonly header: Int32Array;
  declare private readonly counters: Float64Array;
  declare private readonly region: Region;
  declare private readonly slots: WorkerSlots;
  declare private readonly slot: number;
  declare private readonly number: number;
  declare private readonly server: Server | undefined;
  /** How many milliseconds a worker waits for the lock. */
  declare readonly timeout: number;

  /** A worker that is still joining the pool has no slot yet, and no server for waiting requests. */
  constructor(worker: LockWorker, server?: Server) {
    const { native, mapping, region, slot, number } = worker;
    this.native = native;
    this.mapping = mapping;
    this.header = region.header;
    this.counters = region.counters;
    this.region = region;
    this.slots = region.slots;
    this.slot = slot;
    this.number = number;
    this.server = server;
    this.timeout = region.header[LOCK_TIMEOUT]!;
  }

  /** Runs `body` as a critical section. If `body` throws, the next section starts with the recovery. */
  run<T>(action: string, body: () => T): T {
    this.enter(action);
    try {
      const result = body();
      this.leave();
      return result;
    } catch (error) {
      this.unlock();
      throw error;
    }
  }

  /**
   * Looks at the pool while no other worker is in a critical section; other workers go on taking from their caches and
   * giving to them. An error of `look` says nothing about the region, so nothing is recovered.
   */
  inspect<T>(action: string, look: () => T): T {
    this.acquire(action);
    try {
      return look();
    } finally {
      this.release();
    }
  }

  /** Begins a critical section. Throws without beginning it if the pool is destroyed or the wait has timed out. */
  enter(action: string): void {
    this.acquire(action);
    if (this.slot === NONE) return;
    try {
      // Before anything changes, the peak takes in what this worker's cache has seen since its last section.
      this.slots.settle(this.slot);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Ends a critical section that is complete. Waiting requests first get what it made free. */
  leave(): void {
    this.server?.serve();
    this.release();
  }

  /**
   * Ends a critical section that was interrupted: HOLDER stays set, so the next section recovers. Every section ends by this
   * method, so the engine has compiled it before it is needed at the end of a full stack.
   */
  unlock(): void {
    this.mapping.unlock();
  }

  private acquire(action: string): void {
    const status = this.mapping.lock(this.timeout);
    const header = this.header;
    if (status !== LOCKED || header[HOLDER] !== 0 || header[STATE] !== LIVE) this.acquireSlow(status, action);
    header[HOLDER] = this.number;
    this.counters[LOCK_ACQUISITIONS]!++;
  }

  private release(): void {
    this.header[HOLDER] = 0;
    this.unlock();
  }

  private acquireSlow(status: number, action: string): void {
    if (status < 0) throw this.failure(status, action);
    if (!isLive(this.header)) {
      this.mapping.unlock();
      throw stateError(action, this.header[STATE]!);
    }
    if ((status & CONTENDED) !== 0) this.counters[LOCK_CONTENDED]!++;
    if ((status & INHERITED) !== 0) this.counters[OWNER_DEATHS]!++;
    if ((status & INHERITED) !== 0 || this.header[HOLDER] !== 0) this.recoverFor(action);
  }

  private recoverFor(action: string): void {
    const holder = this.header[HOLDER]!;
    // The last owner may have died before it set HOLDER. If this recovery is interrupted too, the next worker must
    // know.
    if (holder === 0) this.header[HOLDER] = this.number;
    if (this.tryToRecover()) return;
    this.mapping.unlock();
    throw new MemPoolError(
      "corrupt",
      `Cannot ${action}: the block table cannot be repaired, its lengths do not add up; ` +
        `the lock was last held by ${this.describe(holder)}`,
    );
  }

  private tryToRecover(): boolean {
    try {
      return recover(this.region);
    } catch (error) {
      // A full stack, for example. HOLDER stays set, so the next section tries again.
      this.unlock();
      throw error;
    }
  }

  private failure(status: number, action: string): MemPoolError {
    const holder = this.describe(this.header[HOLDER]!);
    return status === TIMED_OUT
      ? new MemPoolError(
        "lock-timeout",
        `Cannot ${action}: the lock was not free within ${this.timeout} ms, it is held by ${holder}`,
      )
      : new MemPoolError("corrupt", `Cannot ${action}: the lock itself is broken, last held by ${holder}`);
  }

  private describe(holder: number): string {
    if (holder === 0) return "a worker that was just entering or leaving it";
    const slot = this.slots.slotOf(holder);
    if (slot === NONE) return `worker ${holder}, which has no slot`;
    const state = this.native.alive(this.slots.thread(slot)) ? "still runs" : "has ended";
    return `worker ${holder} in slot ${slot}, whose thread ${state}`;
  }
}

/** The part of a worker that its lock needs. */
export type LockWorker = Pick<Worker, "mapping" | "region" | "slot" | "number"> & {
  readonly native: Pick<Native, "alive">;
};
