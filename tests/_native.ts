/** What the tests of the native library share: workers that use it without a pool, and the end of a thread. */

import { openNative } from "../src/ffi/open.ts";
import { spawnWorker, type TestWorker } from "./_harness.ts";
import type { NativeOrder } from "./_native_worker.ts";

/** A worker that does what a `NativeOrder` says. */
export interface NativeWorker {
  /** Its thread's id. */
  readonly thread: number;
  order<Reply = unknown>(order: NativeOrder): Promise<Reply>;
  terminate(): void;
}

export async function spawnNativeWorker(): Promise<NativeWorker> {
  const worker: TestWorker = spawnWorker(new URL("./_native_worker.ts", import.meta.url));
  const order = <Reply>(order: NativeOrder): Promise<Reply> => worker.call<Reply>(order);
  return { thread: await order<number>({ ask: "thread" }), order, terminate: () => worker.terminate() };
}

/** A thread that was told to end and has not in so many milliseconds hangs. */
const patience = 60_000;

/** Waits until the thread has ended: `terminate` only asks for that. */
export async function untilEnded(thread: number): Promise<void> {
  const native = openNative();
  for (const start = Date.now(); native.alive(thread);) {
    if (Date.now() - start > patience) throw new Error(`Thread ${thread} still runs after ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
