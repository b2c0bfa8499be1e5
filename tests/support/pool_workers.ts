/** Workers that share one pool with the test that spawns them. */

import type { MemPool } from "mempool";
import { spawnWorker, type TestWorker, withWorkers } from "./harness.ts";
import { untilEnded } from "./native.ts";
import { FLAGS_BYTES, type Order } from "./orders.ts";
import { destroyQuietly, inKind, kindsOf, makePool, type PoolShape } from "./pool.ts";

/** A worker that is attached to a pool and executes orders. */
export interface PoolWorker<Orders> {
  order<Reply = unknown>(order: Orders, transfer?: ArrayBuffer[]): Promise<Reply>;
  terminate(): void;
  /** Waits until its thread has ended. */
  ended(): Promise<void>;
  /** Terminates it and waits until its thread has ended. */
  die(): Promise<void>;
}

/** A test with a pool and workers that are attached to it. */
export type UseWorkers<Orders> = (pool: MemPool, team: PoolWorker<Orders>[]) => Promise<void>;

/** The file of the worker that executes the common orders. */
export const POOL_WORKER_FILE: URL = new URL("./pool_worker.ts", import.meta.url);

/**
 * Calls `use` with a pool and `count` workers that are attached to it, and ends all of them afterwards; then does the
 * same with a checked pool. If the shape says whether the pool is checked, only that kind is tested.
 */
export function withPoolWorkers(count: number, shape: PoolShape, use: UseWorkers<Order>): Promise<void> {
  return withPoolWorkersOf(POOL_WORKER_FILE, count, shape, use);
}

/** The same with workers of another file, which must answer an order to attach with the number of its thread. */
export async function withPoolWorkersOf<Orders>(
  file: URL,
  count: number,
  shape: PoolShape,
  use: UseWorkers<Orders>,
): Promise<void> {
  for (const kind of kindsOf(shape)) await inKind(kind, () => testOneKind(file, count, kind, use));
}

async function testOneKind<Orders>(
  file: URL,
  count: number,
  shape: PoolShape,
  use: UseWorkers<Orders>,
): Promise<void> {
  using pool = makePool(shape);
  await withWorkers(file, count, async (workers) => {
    await use(pool, await Promise.all(workers.map((worker) => attach<Orders>(worker, pool))));
    if (!pool.destroyed) pool.check();
    destroyQuietly(pool);
  });
}

/** Spawns one worker, which the caller ends. */
export function spawnPoolWorker<Orders>(file: URL, pool: MemPool): Promise<PoolWorker<Orders>> {
  return attach(spawnWorker(file), pool);
}

async function attach<Orders>({ call, terminate }: TestWorker, pool: MemPool): Promise<PoolWorker<Orders>> {
  const thread = await call<number>({ ask: "attach", handle: pool.handle });
  return {
    order: call,
    terminate,
    ended: () => untilEnded(thread),
    die: () => {
      terminate();
      return untilEnded(thread);
    },
  };
}

/** Shared words with which a test and its workers signal to each other; see orders.ts. */
export function makeFlags(): { flags: SharedArrayBuffer; words: Int32Array } {
  const flags = new SharedArrayBuffer(FLAGS_BYTES);
  return { flags, words: new Int32Array(flags) };
}
