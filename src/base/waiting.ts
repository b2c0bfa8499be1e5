import { performance } from "node:perf_hooks";

/** A worker that slept for longer than this many milliseconds did so because the process was stopped. */
const LATE = 40;
/** Milliseconds that the first such sleep leaves to the worker that is waited for. */
const REPRIEVE = 20;

/**
 * How much longer a worker waits for another one. Only the time in which the process runs counts, because while the process
 * is stopped, the other worker is stopped too. So the time between two calls of `goesOn` counts as at most LATE. The first
 * time that is too long also leaves the other worker REPRIEVE milliseconds; later ones do not, or a wait on a slow machine
 * might never end. `wait_time` in native/internal.h does the same for the lock.
 */
export class WaitTime {
  #now = performance.now();
  #left: number;
  #wasStopped = false;

  constructor(timeout: number) {
    this.#left = timeout;
  }

  /** Counts the time since the last call, and returns whether the wait goes on. A worker that waits calls this in a loop. */
  goesOn(): boolean {
    const before = this.#now;
    this.#now = performance.now();
    const elapsed = this.#now - before;
    this.#left -= Math.min(elapsed, LATE);
    if (elapsed > LATE && !this.#wasStopped) {
      this.#wasStopped = true;
      this.#left = Math.max(this.#left, REPRIEVE);
    }
    return this.#left >= 0;
  }
}
