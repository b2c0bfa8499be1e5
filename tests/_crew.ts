/** Workers of tests that share one pool among threads. */

import type { MemPool } from "mempool";
import { spawnWorker, type TestWorker } from "./_harness.ts";
import { destroyQuietly, inKind, kindsOf, makePool, type PoolShape } from "./_pool.ts";
import { FLAGS_BYTES, type Order } from "./_orders.ts";

/** A worker that has attached the pool. */
export interface Hand {
  order<Reply = unknown>(order: Order, transfer?: ArrayBuffer[]): Promise<Reply>;
  terminate(): void;
}

/**
 * Lets `use` have a pool and so many workers that have attached it; ends and destroys them in the end. Then the same with
 * a checked pool, unless the shape says of which kind it is.
 */
export async function withCrew(
  count: number,
  shape: PoolShape,
  use: (pool: MemPool, crew: Hand[]) => Promise<void>,
): Promise<void> {
  for (const kind of kindsOf(shape)) await inKind(kind, () => withCrewOf(count, kind, use));
}

async function withCrewOf(
  count: number,
  shape: PoolShape,
  use: (pool: MemPool, crew: Hand[]) => Promise<void>,
): Promise<void> {
  using pool = makePool(shape);
  const workers = Array.from({ length: count }, () => spawnWorker(new URL("./_pool_worker.ts", import.meta.url)));
  const crew = workers.map(handOf);
  try {
    await Promise.all(crew.map((hand) => hand.order({ ask: "attach", handle: pool.handle })));
    await use(pool, crew);
    if (!pool.destroyed) pool.check();
    destroyQuietly(pool);
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

function handOf(worker: TestWorker): Hand {
  return {
    order: (order, transfer) => worker.call(order, transfer),
    terminate: () => worker.terminate(),
  };
}

/** Words that all threads share, besides the pool. */
export function makeFlags(): { flags: SharedArrayBuffer; words: Int32Array } {
  const flags = new SharedArrayBuffer(FLAGS_BYTES);
  return { flags, words: new Int32Array(flags) };
}
