/** Every call of a pool, for the tests of closed and destroyed pools. */

import type { MemPool } from "mempool";

/** Each method that needs a live pool, with the action that its error message names. */
export function callsOf(pool: MemPool, block: ArrayBuffer): [() => unknown, string][] {
  return [
    [() => pool.alloc(1), "allocate"],
    [() => pool.calloc(1, 1), "allocate"],
    [() => pool.realloc(block, 1), "reallocate"],
    [() => pool.free(block), "free"],
    [() => pool.allocOffset(1), "allocate"],
    [() => pool.callocOffset(1, 1), "allocate"],
    [() => pool.reallocOffset(0, 1), "reallocate"],
    [() => pool.freeOffset(0), "free"],
    [() => pool.allocMany(1, 1), "allocate"],
    [() => pool.freeMany([block]), "free"],
    [() => pool.owns(block), "check ownership"],
    [() => pool.offsetOf(block), "locate"],
    [() => pool.at(0), "look at"],
    [() => pool.allocArray(Uint8Array, 1), "allocate"],
    [() => pool.lease(1), "allocate"],
    [() => pool.reap(), "reap"],
    [() => pool.leaks(), "list leaks"],
    [() => pool.stats(), "collect statistics"],
    [() => pool.blocks(), "list blocks"],
    [() => pool.check(), "check the pool"],
  ];
}
