/**
 * Prints, at `unload`, which of its pools are destroyed: one of `init` that is in use, one of `init` whose object was
 * closed, one of `open`, and one that a worker has made.
 */

import { MemPool, type MemPoolHandle } from "mempool";
import process from "node:process";

interface Unloading {
  addEventListener(type: "unload", listener: () => void): void;
}

const inUse = MemPool.init(4096, 64);
const leftOpen = MemPool.init(4096, 64);
leftOpen.close();
const named = MemPool.open("named", 4096, 64);
const worker = new Worker(new URL("./_unload_worker.ts", import.meta.url), { type: "module" });
const { promise, resolve } = Promise.withResolvers<MemPoolHandle>();
worker.addEventListener("message", ({ data }: MessageEvent<MemPoolHandle>) => resolve(data));
const foreign = MemPool.attach(await promise);
worker.terminate();

function isDestroyed(handle: MemPoolHandle): boolean {
  try {
    MemPool.attach(handle).close();
    return false;
  } catch {
    return true;
  }
}

(globalThis as unknown as Unloading).addEventListener("unload", () => {
  const handles = [inUse, leftOpen, named, foreign].map(({ handle }) => handle);
  console.log(JSON.stringify([inUse.destroyed, ...handles.map(isDestroyed)]));
});

if (process.argv.at(-1) === "exit") process.exit(0);
