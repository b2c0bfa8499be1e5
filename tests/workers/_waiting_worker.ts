/** The worker of waiting_test.ts. */

import { MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { assertMarked, mark } from "../support/pool.ts";
import { answer } from "../support/workers.ts";

export type WaitingOrder =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  /** Waits for a block of so many bytes; the answer is its offset. */
  | { readonly ask: "wait"; readonly bytes: number }
  /** So many blocks that are there; the answer is their offsets. */
  | { readonly ask: "take"; readonly count: number; readonly bytes: number }
  | { readonly ask: "free"; readonly offsets: readonly number[] }
  | { readonly ask: "load"; readonly load: Load }
  | { readonly ask: "close" | "destroy" | "stats" };

/** Works for a while with more hands than there are blocks for. */
export interface Load {
  /** What is done at the same time. */
  readonly hands: number;
  /** How often each of them waits for blocks. */
  readonly rounds: number;
  readonly longest: number;
  readonly cookie: number;
  /** Every so many rounds, blocks are allocated and freed without waiting too. */
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

/** Returns how many blocks it was served. */
async function work(load: Load): Promise<number> {
  const served = await Promise.all(Array.from({ length: load.hands }, (_, hand) => workBy(hand, load)));
  return served.reduce((sum, count) => sum + count, 0);
}

async function workBy(hand: number, { rounds, longest, cookie, sync }: Load): Promise<number> {
  for (let round = 0; round < rounds; round++) {
    const mine = cookie + hand * 10_000 + round;
    const block = await pool.allocAsync(1 + (mine * 7919) % longest);
    mark(block, mine);
    // Deno ends a worker only where it comes back to its event loop.
    if (round % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    if (round % sync === 0) churn(mine);
    assertMarked(block, mine);
    pool.free(block);
  }
  return rounds;
}

/** Takes what is there by the fast path, and gives it back, in the middle of others' waiting. */
function churn(cookie: number): void {
  for (let turn = 0; turn < 20; turn++) {
    const block = pool.alloc(30);
    if (block === null) continue;
    mark(block, cookie + turn);
    assertMarked(block, cookie + turn);
    pool.free(block);
  }
}
