/** A user's program on Node: what `_package_program.ts` does, with the workers of Node. Old versions of Node run it too. */

import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { KILOBYTE, MemPool, MemPoolError } from "mempool";

if (isMainThread) await main();
else sum();

async function main() {
  const pool = MemPool.init(64 * KILOBYTE, 256);
  const block = pool.alloc(200);
  new Uint8Array(block).fill(7);
  const data = { handle: pool.handle, offset: pool.offsetOf(block) };
  console.log(await Promise.all([sumInWorker(data), sumInWorker(data)]));
  pool.free(block);
  try {
    pool.free(block);
  } catch (error) {
    if (error instanceof MemPoolError) console.log(error.code);
  }
  pool.check();
  const { allocatedBlocks, frees } = pool.stats();
  console.log({ allocatedBlocks, frees });
  pool.destroy();
}

function sumInWorker(data) {
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  return new Promise((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}

function sum() {
  const pool = MemPool.attach(workerData.handle);
  const bytes = new Uint8Array(pool.at(workerData.offset), 0, 200);
  const own = pool.calloc(100, 8);
  if (own !== null) pool.free(own);
  pool.close();
  parentPort.postMessage(bytes.reduce((total, byte) => total + byte, 0));
}
