/** What bias_test.ts and its worker share. */

import { type MemPool, MemPoolError } from "mempool";

/** Frees a block that another worker may free too. Returns whether this worker was the one that freed it. */
export function winsFree(pool: MemPool, offset: number): boolean {
  try {
    pool.freeOffset(offset);
    return true;
  } catch (error) {
    if (error instanceof MemPoolError && ["double-free", "foreign-block"].includes(error.code)) return false;
    throw error;
  }
}
