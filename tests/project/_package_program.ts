/**
 * A user's program. The tests run and compile it in projects of its own, in which "mempool" is the installed package.
 */

import { type Block, KILOBYTE, MemPool, MemPoolError, type MemPoolHandle, type MemPoolStats } from "mempool";

export interface Message {
  readonly handle: MemPoolHandle;
  readonly offset: number;
}

function sumInWorker(pool: MemPool, offset: number): Promise<number> {
  // A bundler finds the worker's file only if its URL is a literal.
  const worker = new Worker(new URL("./_package_worker.ts", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.addEventListener("error", ({ message }) => reject(new Error(message)));
    worker.addEventListener("message", ({ data }: MessageEvent<number | "ready">) => {
      if (data === "ready") return worker.postMessage({ handle: pool.handle, offset } satisfies Message);
      worker.terminate();
      resolve(data);
    });
  });
}

const pool = MemPool.init(64 * KILOBYTE, 256);
const block: Block | null = pool.alloc(200);
if (block === null) throw new Error("The pool is exhausted");
new Uint8Array(block).fill(7);

const offset = pool.offsetOf(block);
console.log(await Promise.all([sumInWorker(pool, offset), sumInWorker(pool, offset)]));
pool.free(block);
try {
  pool.free(block);
} catch (error) {
  if (error instanceof MemPoolError) console.log(error.code);
}
pool.check();
const { allocatedBlocks, frees }: MemPoolStats = pool.stats();
console.log({ allocatedBlocks, frees });
pool.destroy();
