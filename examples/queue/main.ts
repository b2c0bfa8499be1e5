/**
 * Two workers, of which one hands 100,000 blocks to the other, by a queue in shared memory.
 *
 *     deno run --allow-ffi --allow-read examples/queue/main.ts
 *     bun examples/queue/main.ts
 */

import { MEGABYTE, MemPool } from "../../mod.ts";
import { newRing } from "./ring.ts";

using pool = MemPool.init(MEGABYTE, 64);
const ring = newRing();
const sums = ["produce", "consume"].map(async (role) => {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.postMessage([role, ring, pool.handle]);
  const { data } = await new Promise<MessageEvent<number>>((resolve) => worker.onmessage = resolve);
  worker.terminate();
  return data;
});
console.log(await Promise.all(sums));
console.log(pool.stats().allocatedBlocks);
