import { MemPoolError } from "../base/errors.ts";
import { CONTENDED, INHERITED, LOCKED, type Mapping, type Native, TIMED_OUT } from "../runtime/native.ts";
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
import type { WorkerSlots } from "../region/worker_slots.ts";
import { isLive, stateError } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

/**
 * The pool's lock as a worker uses it: `run` is a critical section.
 *
 * HOLDER is set exactly while a critical section is under way, so a HOLDER found after acquiring the lock means that
 * the last section was left half done: its worker died in it, or an exception (a full stack, say) threw it out. Then
 * everything derived is built again before anything else is done.
 */
export class Lock {
  declare private readonly native: Pick<Native, "alive">;
  declare private readonly mapping: Mapping;
  declare private readonly header: Int32Array;
  declare private readonly counters: Float64Array;
  declare private readonly region: Region;
  declare private readonly slots: WorkerSlots;
  declare private readonly worker: number;
  /** Milliseconds to wait for it. */
  declare readonly timeout: number;

  constructor(native: Pick<Native, "alive">, mapping: Mapping, region: Region, worker: number) {
    this.native = native;
    this.mapping = mapping;
    this.header = region.header;
    this.counters = region.counters;
    this.region = region;
    this.slots = region.slots;
    this.worker = worker;
    this.timeout = region.header[LOCK_TIMEOUT]!;
  }

  /** Begins a critical section. Throws without beginning it when the pool was destroyed or the wait is over. */
  enter(action: string): void {
    const status = this.mapping.lock(this.timeout);
    const header = this.header;
    if (status !== LOCKED || header[HOLDER] !== 0 || header[STATE] !== LIVE) this.enterSlow(status, action);
    header[HOLDER] = this.worker;
    this.counters[LOCK_ACQUISITIONS]!++;
  }

  /** Ends a critical section that did all it had to. */
  leave(): void {
    this.header[HOLDER] = 0;
    this.mapping.unlock();
  }

  /** Ends a critical section that was cut off, leaving HOLDER for the next one to see. Returns the error. */
  abandon(error: unknown): unknown {
    this.mapping.unlock();
    return error;
  }

  /** Does `body` as a critical section. */
  run<T>(action: string, body: () => T): T {
    return runSection(this, action, body);
  }

  /** Looks at the pool while nobody changes it. What `look` throws says nothing about the critical section. */
  inspect<T>(action: string, look: () => T): T {
    this.enter(action);
    try {
      return look();
    } finally {
      this.leave();
    }
  }

  private enterSlow(status: number, action: string): void {
    if (status < 0) throw this.failure(status, action);
    if (!isLive(this.header)) {
      this.mapping.unlock();
      throw stateError(action, this.header[STATE]!);
    }
    if ((status & CONTENDED) !== 0) this.counters[LOCK_CONTENDED]!++;
    if ((status & INHERITED) !== 0) this.counters[OWNER_DEATHS]!++;
    if ((status & INHERITED) !== 0 || this.header[HOLDER] !== 0) this.recover(action);
  }

  private recover(action: string): void {
    const holder = this.header[HOLDER]!;
    // The last one may have died before it set HOLDER; were this one cut off, the next has to know.
    if (holder === 0) this.header[HOLDER] = this.worker;
    if (this.rebuild()) return;
    this.mapping.unlock();
    throw new MemPoolError(
      "corrupt",
      `Cannot ${action}: worker ${holder} left the block table in pieces, its lengths do not add up`,
    );
  }

  private rebuild(): boolean {
    try {
      this.slots.repair();
      if (!this.region.runs.rebuild()) return false;
      this.region.queue.repair(this.region.table);
      return true;
    } catch (error) {
      // A full stack, say: the next one tries again.
      throw this.abandon(error);
    }
  }

  private failure(status: number, action: string): MemPoolError {
    const who = this.describe(this.header[HOLDER]!);
    return status === TIMED_OUT
      ? new MemPoolError(
        "lock-timeout",
        `Cannot ${action}: the lock was not free within ${this.timeout} ms, it is held by ${who}`,
      )
      : new MemPoolError("corrupt", `Cannot ${action}: the lock itself is broken, last held by ${who}`);
  }

  private describe(holder: number): string {
    if (holder === 0) return "a worker that was just entering or leaving it";
    const slot = this.slots.slotOf(holder);
    if (slot === NONE) return `worker ${holder}, which has no slot`;
    const state = this.native.alive(this.slots.thread(slot)) ? "still runs" : "has ended";
    return `worker ${holder} in slot ${slot}, whose thread ${state}`;
  }
}

/** Does `body` between the beginning and the end of a critical section, or cuts it off where `body` throws. */
export function runSection<T>(
  section: Pick<Lock, "enter" | "leave" | "abandon">,
  action: string,
  body: () => T,
): T {
  section.enter(action);
  try {
    const result = body();
    section.leave();
    return result;
  } catch (error) {
    throw section.abandon(error);
  }
}
