import process from "node:process";
import { MemPoolError } from "../base/errors.ts";

/** What is used of the runtimes' BroadcastChannel. */
export interface Channel {
  /** To all threads of the process that have a channel of this name open, but not to this channel. */
  postMessage(message: number): void;
  /** Whether being open keeps the thread's event loop alive. */
  ref(): void;
  unref(): void;
}

interface Listener {
  onmessage: (event: { readonly data: unknown }) => void;
}

/**
 * Opens a channel that does not keep the thread's event loop alive. Where there are more messages than it keeps for a busy
 * thread, Deno drops the oldest; and there one that is opened after another of its thread was closed hears nothing.
 */
export function openChannel(name: string, heard: (message: number) => void): Channel {
  // The global one of Deno has no `unref`.
  const { BroadcastChannel } = process.getBuiltinModule("node:worker_threads");
  if (!("BroadcastChannel" in globalThis && "unref" in BroadcastChannel.prototype)) {
    const why = "this runtime has no BroadcastChannel, Deno has it from 2.9 on";
    throw new MemPoolError("unsupported", `Cannot wait for a block: ${why}`);
  }
  const channel = new BroadcastChannel(name) as unknown as Channel & Listener;
  channel.onmessage = ({ data }) => heard(data as number);
  channel.unref();
  return channel;
}
