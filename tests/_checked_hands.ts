/** Workers that have attached a checked pool. */

import type { MemPool } from "mempool";
import { CHECKED } from "./_checked.ts";
import type { CheckedOrder } from "./_checked_worker.ts";
import { spawnWorker } from "./_harness.ts";
import { untilEnded } from "./_native.ts";
import { destroyQuietly, makePool, type PoolShape } from "./_pool.ts";

export interface Hand {
  order<Reply = unknown>(order: CheckedOrder, transfer?: ArrayBuffer[]): Promise<Reply>;
  /** Terminates it and waits until its thread has ended. */
  die(): Promise<void>;
}

/** Lets `use` have a checked pool and so many workers that have attached it. */
export async function withHands(
  count: number,
  use: (pool: MemPool, ...hands: Hand[]) => Promise<void>,
  shape: PoolShape = {},
): Promise<void> {
  using pool = makePool({ ...CHECKED, ...shape });
  const workers = Array.from({ length: count }, () => spawnWorker(new URL("./_checked_worker.ts", import.meta.url)));
  try {
    const hands = await Promise.all(workers.map(async ({ call, terminate }): Promise<Hand> => {
      const thread = await call<number>({ ask: "attach", handle: pool.handle });
      return {
        order: call,
        die: () => {
          terminate();
          return untilEnded(thread);
        },
      };
    }));
    await use(pool, ...hands);
    if (!pool.destroyed) pool.check();
    destroyQuietly(pool);
  } finally {
    for (const worker of workers) worker.terminate();
  }
}
