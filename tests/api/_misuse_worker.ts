/** The worker of misuse_test.ts: makes the calls that the test orders, on the pool that it has attached. */

import { type Block, MemPool, type MemPoolHandle } from "mempool";
import { warningsOf } from "../support/pool.ts";
import { answer } from "../support/workers.ts";

export type Order =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  /** Keep this buffer, or the buffer at this offset, for later calls. */
  | { readonly ask: "keep"; readonly what: ArrayBuffer | number }
  /** Call a method of the pool; `kept` passes the kept buffer as the first argument. */
  | { readonly ask: "call"; readonly method: string; readonly kept?: true; readonly args: readonly unknown[] };

type AnyFunction = (...args: unknown[]) => unknown;

let pool: MemPool;
let kept: Block;

answer((order: Order) => {
  switch (order.ask) {
    case "attach":
      pool = MemPool.attach(order.handle);
      return [];
    case "keep":
      kept = typeof order.what === "number" ? pool.at(order.what) : order.what;
      return [];
    case "call": {
      const method = (pool as unknown as Record<string, AnyFunction>)[order.method]!;
      return warningsOf(() => method.call(pool, ...(order.kept ? [kept] : []), ...order.args));
    }
  }
});
