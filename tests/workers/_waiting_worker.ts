/**
 * The worker of waiting_test.ts: executes its orders, or a load of several tasks that wait for blocks at the same time.
 */

import { MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { assertMarked, mark } from "../support/pool.ts";
import { answer } from "../support/workers.ts";

export type WaitingOrder =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  /** Waits for a block of this size. The answer is its offset. */
  | { readonly ask: "wait"; readonly bytes: number }
  /** Allocates blocks without waiting. The answer is their offsets. */
  | { readonly ask: "take"; readonly count: number; readonly bytes: number }
  | { readonly ask: "free"; readonly offsets: readonly number[] }
  | { readonly ask: "load"; readonly load: Load }
  | { readonly ask: "close" | "destroy" | "stats" };

/** A load of tasks that wait for blocks at the same time, more of them than there are blocks. */
export interface Load {
  /** How many tasks run at the same time. */
  readonly tasks: number;
  /** How often each task waits for a block. */
  readonly rounds: number;
  /** The size of the longest request in bytes. */
  readonly longest: number;
  /** The number from which the worker derives its cookies. */
  readonly cookie: number;
  /** Every `sync`th round, a task also allocates and frees blocks without waiting. */
  readonly sync: number;
}

let pool: MemPool;

answer(async (order: WaitingOrder) => {
  switch (order.ask) {
    case "attach":
      pool = MemPool.attach(order.handle);
      return openNative().thread();
    case "wait":
      return pool.offsetOf(await pool.allocAsync(order.bytes));
    case "take":
      return Array.from({ length: order.count }, () => pool.allocOffset(order.bytes));
    case "free":
      return order.offsets.forEach((offset) => pool.freeOffset(offset));
    case "load":
      return await work(order.load);
    case "close":
      return pool.close();
    case "destroy":
      return pool.destroy();
    case "stats":
      return pool.stats();
  }
});

/** Executes a load. Returns how many blocks were served. */
async function work(load: Load): Promise<number> {
  const served = await Promise.all(Array.from({ length: load.tasks }, (_, task) => runTask(task, load)));
  return served.reduce((sum, count) => sum + count, 0);
}

async function runTask(task: number, { rounds, longest, cookie, sync }: Load): Promise<number> {
  for (let round = 0; round < rounds; round++) {
    const mine = cookie + task * 10_000 + round;
    const block = await pool.allocAsync(1 + (mine * 7919) % longest);
    mark(block, mine);
    // Deno terminates a worker only when it returns to its event loop.
    if (round % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    if (round % sync === 0) churn(mine);
    assertMarked(block, mine);
    pool.free(block);
  }
  return rounds;
}

/** Allocates and frees by the fast path while other tasks and workers wait. */
function churn(cookie: number): void {
  for (let turn = 0; turn < 20; turn++) {
    const block = pool.alloc(30);
    if (block === null) continue;
    mark(block, cookie + turn);
    assertMarked(block, cookie + turn);
    pool.free(block);
  }
}
