import process from "node:process";
import { MemPoolError } from "../base/errors.ts";

/** The part of the runtimes' BroadcastChannel that is used here. */
interface Channel {
  onmessage: (event: { readonly data: unknown }) => void;
  /** Sends to all threads of the process that have a channel of this name open, but not to this channel. */
  postMessage(message: number): void;
  /** Whether the open channel keeps the thread's event loop alive. */
  ref(): void;
  unref(): void;
}

/**
 * This thread's channel, once it has listened or woken others. Never closed: on Deno, a channel that is opened after
 * another one of its thread was closed receives nothing.
 */
let channel: Channel | undefined;

/** The pools for which this thread listens. */
const listening = new Map<number, Wakeup>();

/**
 * Wakes workers that wait for blocks of a pool, by a message to all threads. The region says what has happened, so a
 * superfluous wake-up does no harm: every listener looks, whichever worker was meant. Deno drops the oldest messages of
 * a busy thread when there are too many; any later message makes up for them.
 */
export class Wakeup {
  readonly #process: number;
  readonly #pool: number;
  #woken: () => void = () => {};

  constructor(process: number, pool: number) {
    this.#process = process;
    this.#pool = pool;
  }

  /** Calls `woken` at each wake-up, until `stop`. Meanwhile, the thread's event loop stays alive. */
  listen(woken: () => void): void {
    const open = channelOf(this.#process);
    this.#woken = woken;
    listening.set(this.#pool, this);
    open.ref();
  }

  stop(): void {
    listening.delete(this.#pool);
    if (listening.size === 0) channel?.unref();
  }

  /** Wakes this worker, once its present call has returned. */
  wakeHere(): void {
    queueMicrotask(() => this.woken());
  }

  /** Wakes all other workers. */
  wakeOthers(): void {
    channelOf(this.#process).postMessage(this.#pool);
  }

  woken(): void {
    if (listening.get(this.#pool) === this) this.#woken();
  }
}

function channelOf(process: number): Channel {
  return channel ??= openChannel(`mempool ${process}`, (pool) => listening.get(pool)?.woken());
}

/** Opens a channel that does not keep the thread's event loop alive. */
function openChannel(name: string, heard: (message: number) => void): Channel {
  // Deno's global BroadcastChannel has no `unref`; this one has it.
  const { BroadcastChannel } = process.getBuiltinModule("node:worker_threads");
  if (!("BroadcastChannel" in globalThis && "unref" in BroadcastChannel.prototype)) {
    const why = "this runtime has no BroadcastChannel, Deno has it from 2.9 on";
    throw new MemPoolError("unsupported", `Cannot wait for a block: ${why}`);
  }
  const channel = new BroadcastChannel(name) as unknown as Channel;
  channel.onmessage = ({ data }) => heard(data as number);
  channel.unref();
  return channel;
}
