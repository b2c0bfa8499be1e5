import type { Wakeup } from "../runtime/wakeup.ts";
import type { Native } from "../runtime/native.ts";
import { AWAITED, LIVE, NONE, STATE } from "../region/layout.ts";
import type { Heap } from "./heap.ts";
import { broken } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

/**
 * Gives blocks to requests that wait, first come first served. The caller holds the lock.
 *
 * Whoever makes blocks free while the pool is AWAITED gives them to the oldest request before it leaves its critical
 * section: so none waits while what it wants is free, and nobody comes in between. The waiting worker only collects.
 */
export class Server {
  declare private readonly native: Pick<Native, "alive" | "barrier">;
  declare private readonly region: Region;
  declare private readonly heap: Heap;
  declare private readonly wakeup: Wakeup;
  declare private readonly worker: number;
  /** In this critical section, for this worker. */
  private hasWokenHere = false;

  constructor(native: Pick<Native, "alive" | "barrier">, region: Region, heap: Heap, wakeup: Wakeup, worker: number) {
    this.native = native;
    this.region = region;
    this.heap = heap;
    this.wakeup = wakeup;
    this.worker = worker;
  }

  /**
   * From now on nothing is taken from caches or given to them: every free is a critical section, which ends in `serve`. A
   * worker that did not know that yet, in the middle of `give`, sees it before it ends: that takes the barrier.
   */
  begin(): void {
    if (Atomics.compareExchange(this.region.header, STATE, LIVE, AWAITED) === LIVE) this.native.barrier();
  }

  /** Lets each request have its block, as long as there is one for the oldest. */
  serve(): void {
    const { header, queue } = this.region;
    if (header[STATE] !== AWAITED) return;
    this.hasWokenHere = false;
    while (queue.findNext()) {
      if (!this.isThere(queue.workerAt(queue.next))) queue.finish(queue.next);
      else if (!this.serveOne(queue.next)) return;
    }
    Atomics.compareExchange(header, STATE, AWAITED, LIVE);
  }

  /** Takes requests out whose workers have ended. Of what they were given, `reap` takes care. */
  forgetDead(): void {
    const { queue } = this.region;
    queue.forEach((place) => {
      if (!this.isThere(queue.workerAt(place))) queue.finish(place);
    });
  }

  /**
   * The grant comes first, or whoever hears the bell would not see it; the block last: a death before lets the request wait
   * again, a death after it finds the worker awake.
   */
  private serveOne(place: number): boolean {
    const { queue, runs } = this.region;
    const bytes = queue.bytesAt(place);
    if (!(bytes >= 1)) throw broken("I15", `a request is said to be for ${bytes} bytes`);
    const block = this.heap.find(bytes);
    if (block === NONE) return false;
    const worker = queue.workerAt(place);
    queue.grant(place, block);
    this.wakeWorker(worker);
    runs.allocateAt(block, this.heap.lengthFor(bytes), bytes, worker);
    return true;
  }

  /**
   * For others once with each grant: who hears it looks without the lock whether a request of its own is granted, and may do
   * so before the next grant of this critical section. This worker looks when the section has ended.
   */
  private wakeWorker(worker: number): void {
    if (worker !== this.worker) this.wakeup.wakeOthers();
    else if (!this.hasWokenHere) this.wakeup.wakeHere();
    this.hasWokenHere ||= worker === this.worker;
  }

  private isThere(worker: number): boolean {
    const { slots } = this.region;
    const slot = slots.slotOf(worker);
    return slot !== NONE && this.native.alive(slots.thread(slot));
  }
}
