/** What the tests of the native library share: workers that say who they are, and the end of a thread. */

import { openNative } from "../../src/runtime/open.ts";
import { spawnWorker } from "./harness.ts";
import type { NativeOrder } from "./native_worker.ts";

/** A worker that does what a `NativeOrder` says. */
export interface NativeWorker {
  /** Its thread's id. */
  readonly thread: number;
  order<Reply = unknown>(order: NativeOrder): Promise<Reply>;
  /** Terminates it and waits until its thread has ended. */
  terminate(): Promise<void>;
  /** Lets it end itself, and waits for that. */
  end(): Promise<void>;
}

export async function spawnNativeWorker(): Promise<NativeWorker> {
  const worker = spawnWorker(new URL("./native_worker.ts", import.meta.url));
  const order = <Reply>(order: NativeOrder): Promise<Reply> => worker.call<Reply>(order);
  const thread = await order<number>({ ask: "thread" });
  return {
    thread,
    order,
    terminate: () => {
      worker.terminate();
      return untilEnded(thread);
    },
    end: async () => {
      worker.post({ ask: "end" });
      await untilEnded(thread);
      worker.terminate();
    },
  };
}

/** A thread that was told to end and has not in so many milliseconds hangs. */
const patience = 60_000;

export async function untilEnded(thread: number): Promise<void> {
  const native = openNative();
  for (const start = Date.now(); native.alive(thread);) {
    if (Date.now() - start > patience) throw new Error(`Thread ${thread} still runs after ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
