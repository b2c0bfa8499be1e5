import { type MemPool, MemPoolError } from "mempool";

/** Frees a block that another worker may have freed; says whether this one did. */
export function winsFree(pool: MemPool, offset: number): boolean {
  try {
    pool.freeOffset(offset);
    return true;
  } catch (error) {
    if (error instanceof MemPoolError && error.code === "double-free") return false;
    throw error;
  }
}
