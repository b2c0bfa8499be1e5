/**
 * One worker hands 100,000 blocks to another one through a queue in shared memory. Prints the sum of the numbers that
 * each of them has seen, which must be equal, and the number of blocks that are still allocated, which must be 0.
 *
 *     deno run --allow-ffi --allow-read examples/queue/main.ts
 *     bun examples/queue/main.ts
 *     node examples/queue/main.ts
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { MEGABYTE, MemPool } from "../../mod.ts";
import { newRing } from "./ring.ts";

using pool = MemPool.init(MEGABYTE, 64);
const ring = newRing();
const sums = ["produce", "consume"].map(async (role) => {
  const worker = new Worker(`${import.meta.dirname}/worker.ts`);
  worker.postMessage([role, ring, pool.handle]);
  const [sum] = await once(worker, "message") as [number];
  await worker.terminate();
  return sum;
});
const [produced, consumed] = await Promise.all(sums);
console.log(`sum of the numbers produced: ${produced}, consumed: ${consumed}`);
console.log(`blocks still allocated: ${pool.stats().allocatedBlocks}`);
