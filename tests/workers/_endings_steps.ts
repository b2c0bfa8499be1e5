/** What the threads of endings_test.ts do until they end. */

import { MEGABYTE, MemPool } from "mempool";

export function makePool(): MemPool {
  return MemPool.init(64 * MEGABYTE, 256);
}

/** Makes every kind of call that reaches the native library, and fast ones in between. */
export function step(pool: MemPool, number: number): void {
  const run = pool.alloc(256 * 12)!;
  const moved = pool.realloc(run, 256 * (20 + number % 10))!;
  const zeroed = pool.calloc(10, 256)!;
  const offset = pool.allocOffset(5000);
  const posted = structuredClone(zeroed, { transfer: [zeroed] });
  pool.free(posted); // found by its address
  pool.free(moved);
  pool.freeOffset(offset);
  for (let pair = 0; pair < 8; pair++) pool.free(pool.alloc(200)!);
  if (number % 64 === 0) pool.trim();
  if (number % 256 === 0) MemPool.attach(pool.handle).close();
}
