/** Workers of tests that share one pool among threads. */

import type { MemPool } from "mempool";
import { spawnWorker, type TestWorker, withWorkers } from "./harness.ts";
import { untilEnded } from "./native.ts";
import { FLAGS_BYTES, type Order } from "./orders.ts";
import { destroyQuietly, inKind, kindsOf, makePool, type PoolShape } from "./pool.ts";

/** A worker that has attached the pool, and what it can be told to do. */
export interface Hand<Orders> {
  order<Reply = unknown>(order: Orders, transfer?: ArrayBuffer[]): Promise<Reply>;
  terminate(): void;
  /** Waits until its thread has ended. */
  ended(): Promise<void>;
  /** Terminates it and waits until its thread has ended. */
  die(): Promise<void>;
}

/** What a test does with a pool and its workers. */
export type Teamwork<Orders> = (pool: MemPool, crew: Hand<Orders>[]) => Promise<void>;

/** The worker that uses a pool in the common ways. */
export const POOL_WORKER: URL = new URL("./pool_worker.ts", import.meta.url);

/**
 * Lets `use` have a pool and so many workers that have attached it; ends and destroys them in the end. Then the same with
 * a checked pool, unless the shape says of which kind it is.
 */
export function withCrew(count: number, shape: PoolShape, use: Teamwork<Order>): Promise<void> {
  return withCrewOf(POOL_WORKER, count, shape, use);
}

/** The same with workers of another file, which answers an order to attach by the id of its thread. */
export async function withCrewOf<Orders>(
  file: URL,
  count: number,
  shape: PoolShape,
  use: Teamwork<Orders>,
): Promise<void> {
  for (const kind of kindsOf(shape)) await inKind(kind, () => withCrewInKind(file, count, kind, use));
}

async function withCrewInKind<Orders>(
  file: URL,
  count: number,
  shape: PoolShape,
  use: Teamwork<Orders>,
): Promise<void> {
  using pool = makePool(shape);
  await withWorkers(file, count, async (workers) => {
    await use(pool, await Promise.all(workers.map((worker) => attach<Orders>(worker, pool))));
    if (!pool.destroyed) pool.check();
    destroyQuietly(pool);
  });
}

/** A worker of this file that the caller ends. */
export function spawnHand<Orders>(file: URL, pool: MemPool): Promise<Hand<Orders>> {
  return attach(spawnWorker(file), pool);
}

async function attach<Orders>({ call, terminate }: TestWorker, pool: MemPool): Promise<Hand<Orders>> {
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

/** Words that all threads share, besides the pool. */
export function makeFlags(): { flags: SharedArrayBuffer; words: Int32Array } {
  const flags = new SharedArrayBuffer(FLAGS_BYTES);
  return { flags, words: new Int32Array(flags) };
}
