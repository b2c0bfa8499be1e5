import { MemPool, type MemPoolHandle } from "mempool";

const scope = globalThis as unknown as { postMessage(handle: MemPoolHandle): void };
scope.postMessage(MemPool.init(4096, 64).handle);
