import process from "node:process";
import { MemPoolError } from "../base/errors.ts";
import { type Channel, type Hear, isolate, type Line } from "./isolate.ts";

/** The pools for which this evaluation listens. */
const listening = new Map<number, Wakeup>();

/** Calls `run` as a microtask. Contexts of node:vm may have no `queueMicrotask`, and tests may replace it by a fake. */
function soon(run: () => void): void {
  void Promise.resolve().then(run);
}

const hear: Hear = (pool) => listening.get(pool)?.woken();

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
    const { channel, hearers } = lineOf(this.#process);
    this.#woken = woken;
    listening.set(this.#pool, this);
    hearers.add(hear);
    channel.ref();
  }

  stop(): void {
    listening.delete(this.#pool);
    const line = isolate.lines.get(this.#process);
    if (listening.size === 0) line?.hearers.delete(hear);
    if (line?.hearers.size === 0) line.channel.unref();
  }

  /** Wakes this worker, once its present call has returned. */
  wakeHere(): void {
    soon(() => this.woken());
  }

  /** Wakes all other workers. Those in this isolate have the same channel, which does not hear itself. */
  wakeOthers(): void {
    const { channel, hearers } = lineOf(this.#process);
    channel.postMessage(this.#pool);
    for (const other of hearers) {
      if (other !== hear) soon(() => other(this.#pool));
    }
  }

  woken(): void {
    if (listening.get(this.#pool) === this) this.#woken();
  }
}

function lineOf(process: number): Line {
  let line = isolate.lines.get(process);
  if (line === undefined) {
    const hearers = new Set<Hear>();
    const heard = (pool: number): void => hearers.forEach((each) => each(pool));
    isolate.lines.set(process, line = { channel: openChannel(`mempool ${process}`, heard), hearers });
  }
  return line;
}

/** Opens a channel that does not keep the thread's event loop alive. */
function openChannel(name: string, heard: (message: number) => void): Channel {
  // Deno's global BroadcastChannel has no `unref`; this one has it.
  const { BroadcastChannel } = process.getBuiltinModule("node:worker_threads");
  if (!("unref" in BroadcastChannel.prototype)) {
    const why = "this runtime has no BroadcastChannel, Deno has it from 2.9 on";
    throw new MemPoolError("unsupported", `Cannot wait for a block: ${why}`);
  }
  const channel = new BroadcastChannel(name) as unknown as Channel;
  channel.onmessage = ({ data }) => heard(data as number);
  channel.unref();
  return channel;
}
