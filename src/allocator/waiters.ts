import type { Wakeup } from "../runtime/wakeup.ts";
import { MemPoolError } from "../base/errors.ts";
import type { Server } from "./serve.ts";
import type { Hooks } from "./hooks.ts";
import { ALLOCS, DESTROYED, NONE, STATE } from "../region/layout.ts";
import type { Sections } from "./sections.ts";
import type { Heap } from "./heap.ts";
import type { Region } from "../region/region.ts";

/** What somebody wants who can wait for it. */
export interface Request {
  readonly bytes: number;
  readonly hooks: Hooks;
  /** The pool object that was asked. */
  readonly owner: object;
  readonly signal: AbortSignal | undefined;
}

/** A request in the pool's queue, and the promise that is to be kept. */
interface Pending extends Request {
  readonly place: number;
  readonly resolve: (block: number) => void;
  readonly reject: (reason: unknown) => void;
  /** Nobody waits for it any more: a block that still comes goes back. */
  isGivenUp: boolean;
}

/** What a worker waits for. The queue is the pool's, and src/allocator/serve.ts serves it; here its answers become promises kept. */
export class Waiters {
  readonly #region: Region;
  readonly #sections: Sections;
  readonly #heap: Heap;
  readonly #server: Server;
  readonly #wakeup: Wakeup;
  readonly #worker: number;
  /** In the order of their places, so the first to be served comes first. */
  readonly #pending: Pending[] = [];

  constructor(region: Region, sections: Sections, heap: Heap, server: Server, wakeup: Wakeup, worker: number) {
    this.#region = region;
    this.#sections = sections;
    this.#heap = heap;
    this.#server = server;
    this.#wakeup = wakeup;
    this.#worker = worker;
  }

  /** Gets a run, now or later, and resolves to what `deliver` makes of it the moment that it is there. */
  request<Result>(request: Request, deliver: (block: number) => Result): Promise<Result> {
    const block = this.#sections.run("allocate", () => this.#takeNow(request));
    return block === NONE ? this.#wait(request, deliver) : Promise.resolve(deliver(block));
  }

  /** Ends the requests of a pool object. */
  rejectOf(owner: object, reason: unknown): void {
    this.#giveUp(this.#pending.filter((pending) => pending.owner === owner), reason);
  }

  /** Nobody comes before those who wait already. */
  #takeNow({ bytes, hooks }: Request): number {
    if (!this.#region.queue.isEmpty) return NONE;
    const block = this.#heap.take(bytes);
    if (block !== NONE) this.#handOut(block, hooks);
    return block;
  }

  #wait<Result>(request: Request, deliver: (block: number) => Result): Promise<Result> {
    // First, or it could ring before anybody listens.
    this.#wakeup.listen(() => this.#collect());
    try {
      return this.#promise(request, this.#enqueue(request), deliver);
    } finally {
      this.#listenOrStop();
    }
  }

  #promise<Result>(request: Request, place: number, deliver: (block: number) => Result): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const { signal } = request;
    const abort = (): void => this.#giveUp([pending], signal?.reason);
    const pending: Pending = {
      ...request,
      place,
      // Not after the promise: those that are kept in one go are to be seen in their order.
      resolve: (block) => {
        signal?.removeEventListener("abort", abort);
        // Where no buffer can be made of it, that is this request's error, and no other's.
        try {
          resolve(deliver(block));
        } catch (error) {
          reject(error);
        }
      },
      reject: (reason) => {
        signal?.removeEventListener("abort", abort);
        reject(reason);
      },
      isGivenUp: false,
    };
    signal?.addEventListener("abort", abort);
    this.#pending.push(pending);
    return promise;
  }

  #enqueue({ bytes }: Request): number {
    const place = this.#sections.run("allocate", () => {
      const { queue } = this.#region;
      if (queue.isFull) this.#server.forgetDead();
      if (queue.isFull) return undefined;
      this.#server.begin();
      return queue.push(this.#worker, bytes);
    });
    if (place !== undefined) return place;
    throw new MemPoolError("unsupported", "Cannot allocate: too many requests wait for blocks of this pool");
  }

  /** The bell has rung, for this worker or another one: what has come is delivered. */
  #collect(): void {
    const [oldest] = this.#pending;
    const { header, queue } = this.#region;
    if (oldest === undefined || (queue.blockAt(oldest.place) < 0 && header[STATE] !== DESTROYED)) return;
    try {
      const served = this.#sections.run("allocate", () => this.#takeServed());
      for (const { pending, block } of served) pending.resolve(block);
    } catch (error) {
      this.#giveUp(this.#pending, error); // nobody called, so nobody else could catch it
    }
    this.#listenOrStop();
  }

  #takeServed(): { pending: Pending; block: number }[] {
    const { queue, table } = this.#region;
    const served: { pending: Pending; block: number }[] = [];
    while (this.#pending.length > 0 && queue.isGranted(this.#pending[0]!.place, table)) {
      const pending = this.#pending.shift()!;
      const block = queue.blockAt(pending.place);
      queue.finish(pending.place);
      if (pending.isGivenUp) this.#heap.freeRun(block);
      else served.push({ pending, block: this.#handOut(block, pending.hooks) });
    }
    this.#waitOn();
    return served;
  }

  /** If somebody else has freed the block that the oldest request was to get, by mistake, it goes on waiting. */
  #waitOn(): void {
    const { queue, table } = this.#region;
    const [oldest] = this.#pending;
    if (oldest === undefined || queue.blockAt(oldest.place) < 0) return;
    queue.repair(table);
    this.#server.begin();
  }

  #handOut(block: number, hooks: Hooks): number {
    this.#region.counters[ALLOCS]!++;
    hooks.allocated(block);
    return block;
  }

  /** Rejects, and takes the requests out of the queue. */
  #giveUp(some: readonly Pending[], reason: unknown): void {
    const open = some.filter(({ isGivenUp }) => !isGivenUp);
    for (const pending of open) {
      pending.isGivenUp = true;
      pending.reject(reason);
    }
    if (open.length > 0) this.#forget(open);
    this.#listenOrStop();
  }

  #forget(open: readonly Pending[]): void {
    // A destroyed pool has no queue, and somebody may hold its lock.
    if (this.#region.header[STATE] === DESTROYED) return open.forEach((pending) => this.#drop(pending));
    try {
      this.#sections.run("allocate", () => open.forEach((pending) => this.#dequeue(pending)));
    } catch (error) {
      // Without the lock they stay in the queue, and give back what they get.
      if (!(error instanceof MemPoolError)) throw error;
    }
  }

  #dequeue(pending: Pending): void {
    const { queue, table } = this.#region;
    if (queue.isGranted(pending.place, table)) this.#heap.freeRun(queue.blockAt(pending.place));
    queue.finish(pending.place);
    this.#drop(pending);
  }

  #drop(pending: Pending): void {
    this.#pending.splice(this.#pending.indexOf(pending), 1);
  }

  #listenOrStop(): void {
    if (this.#pending.length === 0) this.#wakeup.stop();
  }
}
