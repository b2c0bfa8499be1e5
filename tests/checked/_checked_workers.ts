/** Tests with a checked pool and workers that have attached it. */

import type { MemPool } from "mempool";
import { CHECKED } from "./_checked.ts";
import type { CheckedOrder } from "./_worker.ts";
import { type PoolWorker, withPoolWorkersOf } from "../support/pool_workers.ts";
import type { PoolShape } from "../support/pool.ts";

/** Runs `use` with a checked pool and `count` workers that have attached it. */
export function withCheckedWorkers(
  count: number,
  use: (pool: MemPool, ...workers: PoolWorker<CheckedOrder>[]) => Promise<void>,
  shape: PoolShape = {},
): Promise<void> {
  const file = new URL("./_worker.ts", import.meta.url);
  return withPoolWorkersOf<CheckedOrder>(file, count, { ...CHECKED, ...shape }, (pool, team) => use(pool, ...team));
}
