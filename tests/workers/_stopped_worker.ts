import { execFileSync } from "node:child_process";
import { MemPool, type MemPoolHandle } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { answer } from "../support/workers.ts";

export interface StopOrder {
  readonly handle: MemPoolHandle;
  /** Set once the worker holds the lock. */
  readonly held: Int32Array;
  /** How many milliseconds the process is stopped for. */
  readonly stop: number;
  readonly process: number;
}

/** A word that no thread changes, to sleep on. */
const silence = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps until the process has run for about 10 ms as many times. */
function run(times: number): void {
  for (let time = 0; time < times; time++) Atomics.wait(silence, 0, 0, 10);
}

answer(({ handle, held, stop, process }: StopOrder) => {
  using pool = MemPool.attach(handle);
  const { lock } = Attachment.open(pool.handle);
  lock.enter("hold");
  Atomics.store(held, 0, 1);
  run(10);
  // The shell stops and continues the process that waits for it.
  execFileSync("sh", ["-c", `kill -STOP ${process}; sleep ${stop / 1000}; kill -CONT ${process}`]);
  run(10);
  lock.leave();
});
