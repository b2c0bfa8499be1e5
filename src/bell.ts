import process from "node:process";
import { MemPoolError } from "./errors.ts";

/** What is used of the runtimes' BroadcastChannel. */
interface Channel {
  onmessage: (event: { readonly data: unknown }) => void;
  postMessage(pool: number): void;
  /** Whether being open keeps the thread's event loop alive. */
  ref(): void;
  unref(): void;
}

/** This thread's, once it has rung or listened. Never closed: on Deno one that is opened later would hear nothing. */
let channel: Channel | undefined;

/** The bells that this thread listens to, by their pools. */
const listening = new Map<number, Bell>();

/**
 * Wakes workers that wait for something of a pool, whatever thread they are, by a message. What it is about stands in the
 * region, and to be woken for nothing does no harm. So whoever listens looks whomever the bell rings for: where there are
 * more messages than a channel keeps for a busy thread, Deno drops the oldest, and one that comes later makes up for it.
 */
export class Bell {
  readonly #process: number;
  readonly #pool: number;
  #heard: () => void = () => {};

  constructor(process: number, pool: number) {
    this.#process = process;
    this.#pool = pool;
  }

  /** Calls `heard` whenever the bell rings, until `stop`. As long, the thread's event loop stays alive. */
  listen(heard: () => void): void {
    const open = openChannel(this.#process);
    this.#heard = heard;
    listening.set(this.#pool, this);
    open.ref();
  }

  stop(): void {
    listening.delete(this.#pool);
    if (listening.size === 0) channel?.unref();
  }

  /** Rings for this worker, once what it is doing is done. */
  ringHere(): void {
    queueMicrotask(() => this.hear());
  }

  /** Rings for all others. */
  ring(): void {
    openChannel(this.#process).postMessage(this.#pool);
  }

  hear(): void {
    if (listening.get(this.#pool) === this) this.#heard();
  }
}

function openChannel(name: number): Channel {
  if (channel !== undefined) return channel;
  // The global one of Deno has no `unref`.
  const { BroadcastChannel } = process.getBuiltinModule("node:worker_threads");
  if (!("BroadcastChannel" in globalThis && "unref" in BroadcastChannel.prototype)) {
    const why = "this runtime has no BroadcastChannel, Deno has it from 2.9 on";
    throw new MemPoolError("unsupported", `Cannot wait for a block: ${why}`);
  }
  channel = new BroadcastChannel(`mempool ${name}`) as unknown as Channel;
  channel.onmessage = ({ data: pool }) => listening.get(pool as number)?.hear();
  channel.unref();
  return channel;
}
