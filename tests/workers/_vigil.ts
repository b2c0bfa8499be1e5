/**
 * Sees a worker die, for certain: the worker takes a lock and keeps it, and the system gives the lock of a thread that
 * has ended to whoever asks next. What a terminated worker still does until then differs by runtime.
 */

import { MemPool, MemPoolError, type MemPoolHandle } from "mempool";
import { Attachment } from "../../src/attachment.ts";

/** Longer is a hang. Milliseconds. */
const PATIENCE = 30_000;

export class Vigil implements Disposable {
  readonly #pool = MemPool.init(128, 64, { lockTimeout: 0 });

  /** For the worker's `watchOver`. */
  get handle(): MemPoolHandle {
    return this.#pool.handle;
  }

  /** Waits until the worker is dead, which must have begun the vigil and been terminated. */
  async death(): Promise<void> {
    for (const until = performance.now() + PATIENCE; !this.#isFree(); await nextTurn()) {
      if (performance.now() > until) throw new Error(`The worker was terminated ${PATIENCE} ms ago, and is not dead`);
    }
    Attachment.open(this.#pool.handle).lock.leave();
  }

  [Symbol.dispose](): void {
    this.#pool.destroy();
  }

  #isFree(): boolean {
    try {
      Attachment.open(this.#pool.handle).lock.enter("see a worker die");
      return true;
    } catch (error) {
      if (error instanceof MemPoolError && error.code === "lock-timeout") return false;
      throw error;
    }
  }
}

/** In the worker: begins the vigil. It ends with the worker. */
export function watchOver(handle: MemPoolHandle): void {
  Attachment.open(handle).lock.enter("live");
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
