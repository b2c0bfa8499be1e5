/** The worker of _stopped_program.ts: holds the lock while it lets a shell stop and continue the process. */

import { execFileSync } from "node:child_process";
import { MemPool, type MemPoolHandle } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { answer } from "../support/workers.ts";

export interface StopOrder {
  readonly handle: MemPoolHandle;
  /** Word 0 is 1 once the worker holds the lock. */
  readonly held: Int32Array;
  /** How many milliseconds the process is stopped for. */
  readonly stop: number;
  readonly process: number;
}

/** A word that no thread changes, to sleep on. */
const silence = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps `times` times for 10 ms. Time in which the process is stopped does not count. */
function run(times: number): void {
  for (let time = 0; time < times; time++) Atomics.wait(silence, 0, 0, 10);
}

answer(({ handle, held, stop, process }: StopOrder) => {
  using pool = MemPool.attach(handle);
  const { lock } = Attachment.open(pool.handle);
  lock.enter("hold");
  Atomics.store(held, 0, 1);
  run(10);
  // The process waits for the shell, which is another process and therefore not stopped.
  execFileSync("sh", ["-c", `kill -STOP ${process}; sleep ${stop / 1000}; kill -CONT ${process}`]);
  run(10);
  lock.leave();
});
