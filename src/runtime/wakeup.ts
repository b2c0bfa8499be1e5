import { type Channel, openChannel } from "./channel.ts";

/** This thread's, once it has rung or listened. Never closed: one that is opened later may hear nothing. */
let channel: Channel | undefined;

/** The bells that this thread listens to, by their pools. */
const listening = new Map<number, Wakeup>();

/**
 * Wakes workers that wait for something of a pool, whatever thread they are, by a message. What it is about stands in the
 * region, and to be woken for nothing does no harm. So whoever listens looks whomever the bell rings for: where a busy
 * thread loses messages because there are too many, one that comes later makes up for them.
 */
export class Wakeup {
  readonly #process: number;
  readonly #pool: number;
  #heard: () => void = () => {};

  constructor(process: number, pool: number) {
    this.#process = process;
    this.#pool = pool;
  }

  /** Calls `heard` whenever the bell rings, until `stop`. As long, the thread's event loop stays alive. */
  listen(heard: () => void): void {
    const open = channelOf(this.#process);
    this.#heard = heard;
    listening.set(this.#pool, this);
    open.ref();
  }

  stop(): void {
    listening.delete(this.#pool);
    if (listening.size === 0) channel?.unref();
  }

  /** Rings for this worker, once what it is doing is done. */
  wakeHere(): void {
    queueMicrotask(() => this.woken());
  }

  /** Rings for all others. */
  wakeOthers(): void {
    channelOf(this.#process).postMessage(this.#pool);
  }

  woken(): void {
    if (listening.get(this.#pool) === this) this.#heard();
  }
}

function channelOf(process: number): Channel {
  return channel ??= openChannel(`mempool ${process}`, (pool) => listening.get(pool)?.woken());
}
