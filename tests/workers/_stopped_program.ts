/**
 * The program of stopped_test.ts. The process is stopped for longer than `lockTimeout` while a worker holds the lock
 * and the main thread waits for it. Prints the result of the main thread's allocation.
 */

import process from "node:process";
import { MemPool, MemPoolError } from "mempool";
import { withWorkers } from "../support/workers.ts";
import type { StopOrder } from "./_stopped_worker.ts";

/** In milliseconds. */
const [lockTimeout, stop] = [1000, 2000];

await withWorkers(new URL("./_stopped_worker.ts", import.meta.url), 1, async ([worker]) => {
  using pool = MemPool.init(1024, 64, { lockTimeout, cachedBlocks: 0 });
  const held = new Int32Array(new SharedArrayBuffer(4));
  const left = worker!.call({ handle: pool.handle, held, stop, process: process.pid } satisfies StopOrder);
  while (Atomics.load(held, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  console.log(outcomeOf(() => pool.allocOffset(64)));
  await left;
});

function outcomeOf(allocate: () => number): string {
  try {
    return `allocated at ${allocate()}`;
  } catch (error) {
    if (!(error instanceof MemPoolError)) throw error;
    return error.code;
  }
}
