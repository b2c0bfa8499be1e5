/** The worker of default_pool_test.ts: a thread without a default pool, or with two default pools one after the other. */

import * as mempool from "mempool";
import { answer } from "../support/workers.ts";

answer((message: "none" | mempool.MemPoolHandle) => message === "none" ? withoutPool() : withTwoPools(message));

function withoutPool(): string[] {
  const block = new ArrayBuffer(1);
  return [
    () => mempool.alloc(1),
    () => mempool.calloc(1, 1),
    () => mempool.realloc(block, 1),
    () => mempool.free(block),
    () => mempool.free(null as unknown as ArrayBuffer),
    () => mempool.destroy(),
  ].map(outcomeOf);
}

function outcomeOf(act: () => unknown): string {
  try {
    return String(act());
  } catch (error) {
    return error instanceof mempool.MemPoolError ? `${error.code}: ${error.message}` : String(error);
  }
}

/** Allocates and frees a block in each default pool. Neither pool has an allocated block afterwards. */
function withTwoPools(handle: mempool.MemPoolHandle): { sameAsMine: number; sameAsYours: number } {
  using mine = mempool.init(mempool.KILOBYTE, 64);
  mempool.free(mempool.alloc(1)!);
  using yours = mempool.attach(handle);
  mempool.free(mempool.alloc(1)!);
  return { sameAsMine: mine.stats().allocatedBlocks, sameAsYours: yours.stats().allocatedBlocks };
}
