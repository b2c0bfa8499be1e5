import { MemPoolError } from "../base/errors.ts";
import type { Worker } from "../cache/worker.ts";
import { ALLOCS, DESTROYED, FREES, NONE, STATE } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import type { Wakeup } from "../runtime/wakeup.ts";
import type { Heap } from "./heap.ts";
import type { Hooks } from "./hooks.ts";
import type { Journal } from "./journal.ts";
import type { Lock } from "./lock.ts";
import type { Server } from "./serve.ts";

/** A request for a run that may wait until one is free. */
export interface Request {
  readonly bytes: number;
  readonly hooks: Hooks;
  /** The pool object that was called. */
  readonly owner: object;
  readonly signal: AbortSignal | undefined;
}

/** A request in the pool's queue, and the promise that it will settle. */
interface Pending extends Request {
  readonly place: number;
  readonly resolve: (block: number) => void;
  readonly reject: (reason: unknown) => void;
  /** The promise is rejected already: a block that still arrives goes back to the pool. */
  isCancelled: boolean;
}

/**
 * The requests of this worker that wait. The queue belongs to the pool, and src/allocator/serve.ts serves it; this
 * class turns its answers into settled promises.
 */
export class Waiters {
  readonly #region: Region;
  readonly #lock: Lock;
  readonly #heap: Heap;
  readonly #journal: Journal;
  readonly #server: Server;
  readonly #wakeup: Wakeup;
  readonly #number: number;
  /** In the order of their places, which is the order in which they are served. */
  readonly #pending: Pending[] = [];

  constructor(
    worker: Pick<Worker, "region" | "number">,
    lock: Lock,
    heap: Heap,
    journal: Journal,
    server: Server,
    wakeup: Wakeup,
  ) {
    this.#region = worker.region;
    this.#lock = lock;
    this.#heap = heap;
    this.#journal = journal;
    this.#server = server;
    this.#wakeup = wakeup;
    this.#number = worker.number;
  }

  /** Gets a run now or later, and resolves to what `deliver` makes of it at that moment. */
  request<Result>(request: Request, deliver: (block: number) => Result): Promise<Result> {
    const block = this.#lock.run("allocate", () => this.#takeNow(request));
    if (block === NONE) return this.#wait(request, deliver);
    const delivered = Promise.resolve(deliver(block));
    this.#journal.allocated = NONE;
    return delivered;
  }

  /** Rejects the requests of a pool object. */
  rejectOf(owner: object, reason: unknown): void {
    this.#cancel(this.#pending.filter((pending) => pending.owner === owner), reason);
  }

  /** A new request never overtakes requests that wait already. */
  #takeNow({ bytes, hooks }: Request): number {
    if (!this.#region.queue.isEmpty) return NONE;
    const block = this.#heap.take(bytes);
    if (block !== NONE) this.#handOut(block, hooks);
    return block;
  }

  #wait<Result>(request: Request, deliver: (block: number) => Result): Promise<Result> {
    // Listen first: the wake-up may come at any time after the request is in the queue.
    this.#wakeup.listen(() => this.#collect());
    try {
      return this.#promise(request, this.#enqueue(request), deliver);
    } finally {
      this.#stopIfIdle();
    }
  }

  #promise<Result>(request: Request, place: number, deliver: (block: number) => Result): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const { signal } = request;
    const abort = (): void => this.#cancel([pending], signal?.reason);
    const pending: Pending = {
      ...request,
      place,
      // Deliver before resolving, so that promises that are settled together are seen in their order.
      resolve: (block) => {
        signal?.removeEventListener("abort", abort);
        // If no buffer can be made of the block, that is an error of this request alone.
        try {
          resolve(deliver(block));
        } catch (error) {
          reject(error);
          this.#giveBack(block);
        }
      },
      reject: (reason) => {
        signal?.removeEventListener("abort", abort);
        reject(reason);
      },
      isCancelled: false,
    };
    signal?.addEventListener("abort", abort);
    this.#pending.push(pending);
    return promise;
  }

  /** Frees a block that was served and could not be delivered. */
  #giveBack(block: number): void {
    this.#lock.run("free", () => {
      if (this.#heap.freeRun(block)) this.#region.counters[FREES]!++;
    });
  }

  #enqueue({ bytes }: Request): number {
    const place = this.#lock.run("allocate", () => {
      const { queue } = this.#region;
      if (queue.isFull) this.#server.forgetDead();
      if (queue.isFull) return undefined;
      this.#server.begin();
      return queue.push(this.#number, bytes);
    });
    if (place !== undefined) return place;
    throw new MemPoolError("unsupported", "Cannot allocate: too many requests wait for blocks of this pool");
  }

  /** A wake-up has arrived, perhaps for another worker. Delivers the blocks that this worker has been given. */
  #collect(): void {
    const [oldest] = this.#pending;
    const { header, queue } = this.#region;
    if (oldest === undefined || (queue.blockAt(oldest.place) < 0 && header[STATE] !== DESTROYED)) return;
    try {
      const served = this.#lock.run("allocate", () => this.#takeServed());
      for (const { pending, block } of served) pending.resolve(block);
    } catch (error) {
      this.#cancel(this.#pending, error); // this runs in an event, so no caller can catch the error
    }
    this.#stopIfIdle();
  }

  #takeServed(): { pending: Pending; block: number }[] {
    const { queue, table } = this.#region;
    const served: { pending: Pending; block: number }[] = [];
    while (this.#pending.length > 0 && queue.isGranted(this.#pending[0]!.place, table)) {
      const pending = this.#pending.shift()!;
      const block = queue.blockAt(pending.place);
      queue.finish(pending.place);
      if (pending.isCancelled) this.#heap.freeRun(block);
      else served.push({ pending, block: this.#handOut(block, pending.hooks) });
    }
    this.#waitAgain();
    return served;
  }

  /** If another worker has freed, by mistake, the block that the oldest request was given, that request waits again. */
  #waitAgain(): void {
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

  /** Rejects some requests and takes them out of the queue. */
  #cancel(some: readonly Pending[], reason: unknown): void {
    const open = some.filter(({ isCancelled }) => !isCancelled);
    for (const pending of open) {
      pending.isCancelled = true;
      pending.reject(reason);
    }
    if (open.length > 0) this.#forget(open);
    this.#stopIfIdle();
  }

  #forget(open: readonly Pending[]): void {
    // A destroyed pool has no queue, and its lock may be held.
    if (this.#region.header[STATE] === DESTROYED) return open.forEach((pending) => this.#drop(pending));
    try {
      this.#lock.run("allocate", () => open.forEach((pending) => this.#dequeue(pending)));
    } catch (error) {
      // Without the lock the requests stay in the queue. What they get later, `#takeServed` gives back.
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

  #stopIfIdle(): void {
    if (this.#pending.length === 0) this.#wakeup.stop();
  }
}
