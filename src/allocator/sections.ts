import type { Server } from "./serve.ts";
import { type Lock, runSection } from "./lock.ts";
import type { WorkerSlots } from "../region/worker_slots.ts";

/**
 * A worker's critical sections. `run` is one; where a closure for each would cost as much as what is done in it:
 *
 *     sections.enter("allocate");
 *     try { …; sections.leave(); } catch (error) { throw sections.abandon(error); }
 */
export class Sections {
  declare private readonly lock: Lock;
  declare private readonly slots: WorkerSlots;
  declare private readonly server: Server;
  declare private readonly slot: number;

  constructor(lock: Lock, slots: WorkerSlots, server: Server, slot: number) {
    this.lock = lock;
    this.slots = slots;
    this.server = server;
    this.slot = slot;
  }

  /** Begins one. What the worker's cache has seen until now is told before anything changes. */
  enter(action: string): void {
    this.lock.enter(action);
    this.slots.settle(this.slot);
  }

  /** Ends one. What it has made free goes to those who wait. */
  leave(): void {
    this.server.serve();
    this.lock.leave();
  }

  abandon(error: unknown): unknown {
    return this.lock.abandon(error);
  }

  run<T>(action: string, body: () => T): T {
    return runSection(this, action, body);
  }
}
