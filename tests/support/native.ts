/** Workers that know their thread's number, and waiting for the end of a thread. */

import { openNative } from "../../src/runtime/open.ts";
import { spawnWorker } from "./harness.ts";
import type { NativeOrder } from "./native_worker.ts";

/** A worker that executes a `NativeOrder`. */
export interface NativeWorker {
  /** The number of its thread. */
  readonly thread: number;
  order<Reply = unknown>(order: NativeOrder): Promise<Reply>;
  /** Terminates it and waits until its thread has ended. */
  terminate(): Promise<void>;
  /** Lets it close itself and waits until its thread has ended. */
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

/** Milliseconds after which a thread that should end counts as hanging. */
const TIME_LIMIT = 60_000;

/** Waits until a thread has ended, as the native library sees it. From then on it holds no lock of any pool. */
export async function untilEnded(thread: number): Promise<void> {
  const native = openNative();
  for (const start = Date.now(); native.alive(thread);) {
    if (Date.now() - start > TIME_LIMIT) throw new Error(`Thread ${thread} still runs after ${TIME_LIMIT} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
