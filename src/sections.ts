import type { Lock } from "./lock.ts";
import type { Slots } from "./slots.ts";

/** A worker's critical sections: the lock, around something that is done as a whole. */
export class Sections {
  readonly #lock: Lock;
  readonly #slots: Slots;
  readonly #slot: number;

  constructor(lock: Lock, slots: Slots, slot: number) {
    this.#lock = lock;
    this.#slots = slots;
    this.#slot = slot;
  }

  /** Does `body` with the lock held; what the worker's cache has seen until now is told before anything changes. */
  run<T>(action: string, body: () => T): T {
    return this.#lock.run(action, () => {
      this.#slots.settle(this.#slot);
      return body();
    });
  }
}
