/** The worker of reap_test.ts: takes what it is told to, and ends without giving anything back. */

import { MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { mark, present } from "../support/pool.ts";
import { answer } from "../support/workers.ts";

export type ReapOrder =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  | { readonly ask: "take"; readonly sizes: readonly number[] }
  | { readonly ask: "free" | "adopt"; readonly offset: number }
  | { readonly ask: "close" | "end" };

let pool: MemPool;
const held: ArrayBuffer[] = [];

answer((order: ReapOrder) => {
  switch (order.ask) {
    case "attach":
      pool = MemPool.attach(order.handle);
      return openNative().thread();
    case "take":
      for (const size of order.sizes) held.push(present(pool.alloc(size)));
      for (const [place, block] of held.entries()) mark(block, place);
      return held.map((block) => pool.offsetOf(block));
    case "free":
      return pool.freeOffset(order.offset);
    case "adopt":
      return pool.at(order.offset).byteLength;
    case "close":
      return pool.close();
    case "end":
      // Once the reply is on its way.
      setTimeout(() => (globalThis as unknown as { close(): void }).close(), 0);
  }
});
