/** The worker of _collected_program.ts: attaches the pool and allocates a block. */

import { MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { answer } from "../support/workers.ts";

let pool: MemPool;

answer((handle: MemPoolHandle) => {
  pool = MemPool.attach(handle);
  pool.alloc(20);
  return openNative().thread();
});
