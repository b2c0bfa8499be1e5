/** What a thread of a copy of the project says about its library. */

import { MemPool, MemPoolError, type MemPoolHandle } from "../mod.ts";

export interface Report {
  readonly error?: { readonly code: string; readonly message: string };
  /** Tells one instance of the library from another. */
  readonly process?: number;
}

/** Uses a new pool, or the one with this handle. */
export function useLibrary(handle: MemPoolHandle | null): Report {
  try {
    using pool = handle === null ? MemPool.init(1024, 64) : MemPool.attach(handle);
    const block = pool.calloc(1, 512);
    if (block?.byteLength !== 512) throw new Error("no block");
    pool.free(block);
    pool.check();
    return { process: pool.handle.process };
  } catch (error) {
    if (!(error instanceof MemPoolError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}
