import type { Worker } from "../cache/worker.ts";
import { AWAITED, LIVE, NONE, STATE } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { broken } from "../region/validate.ts";
import type { Native } from "../runtime/native.ts";
import type { Wakeup } from "../runtime/wakeup.ts";
import type { Heap } from "./heap.ts";

/**
 * Gives blocks to waiting requests, first come first served. The caller holds the lock.
 *
 * While the pool is AWAITED, every worker that makes blocks free gives them to the oldest request before it leaves its
 * critical section. So no request waits while the blocks it wants are free, and no other call can take them first. The
 * waiting worker only collects what it was given.
 */
export class Server {
  declare private readonly native: Pick<Native, "alive" | "barrier">;
  declare private readonly region: Region;
  declare private readonly heap: Heap;
  declare private readonly wakeup: Wakeup;
  declare private readonly number: number;
  /** Whether this critical section has already woken this worker. */
  private hasWokenHere = false;

  constructor(worker: ServerWorker, heap: Heap, wakeup: Wakeup) {
    this.native = worker.native;
    this.region = worker.region;
    this.heap = heap;
    this.wakeup = wakeup;
    this.number = worker.number;
  }

  /**
   * From now on no worker takes from its cache or gives to it: every free is a critical section, which ends in `serve`.
   * A `give` that is under way either sees the new state or has stored its entry before the barrier: these are the
   * steps W1 and W2 in src/cache/block_cache.ts.
   */
  begin(): void {
    if (Atomics.compareExchange(this.region.header, STATE, LIVE, AWAITED) === LIVE) this.native.barrier();
  }

  /** Gives each request its blocks, until the oldest request does not fit. */
  serve(): void {
    const { header, queue } = this.region;
    if (header[STATE] !== AWAITED) return;
    this.hasWokenHere = false;
    while (queue.findNext()) {
      if (!this.isAlive(queue.workerAt(queue.next))) queue.finish(queue.next);
      else if (!this.serveOne(queue.next)) return;
    }
    Atomics.compareExchange(header, STATE, AWAITED, LIVE);
  }

  /** Removes the requests of workers that have ended. `reap` takes back what those workers were given. */
  forgetDead(): void {
    const { queue } = this.region;
    queue.forEach((place) => {
      if (!this.isAlive(queue.workerAt(place))) queue.finish(place);
    });
  }

  /**
   * The grant is stored before the wake-up, or the woken worker would not see it. The block is allocated last: if this
   * worker dies before that, the request waits again; if it dies after that, the waiting worker is awake already.
   */
  private serveOne(place: number): boolean {
    const { queue, runs } = this.region;
    const bytes = queue.bytesAt(place);
    if (!(bytes >= 1)) throw broken("I15", `a request asks for ${bytes} bytes`);
    const block = this.heap.find(bytes);
    if (block === NONE) return false;
    const number = queue.workerAt(place);
    queue.grant(place, block);
    this.wake(number);
    runs.allocateAt(block, this.heap.lengthFor(bytes), bytes, number);
    return true;
  }

  /**
   * Other workers are woken once for each grant: a woken worker looks for its grants without the lock, possibly before
   * the next grant of this critical section. This worker looks once, when the section has ended.
   */
  private wake(number: number): void {
    if (number !== this.number) this.wakeup.wakeOthers();
    else if (!this.hasWokenHere) this.wakeup.wakeHere();
    this.hasWokenHere ||= number === this.number;
  }

  private isAlive(number: number): boolean {
    const { slots } = this.region;
    const slot = slots.slotOf(number);
    return slot !== NONE && this.native.alive(slots.thread(slot));
  }
}

/** The part of a worker that its server needs. */
export type ServerWorker = Pick<Worker, "region" | "number"> & { readonly native: Pick<Native, "alive" | "barrier"> };
