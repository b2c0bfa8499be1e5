/** The worker of reap_test.ts: allocates what it is told to, and may end without freeing it. */

import { MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { mark, present } from "../support/pool.ts";
import { endThread } from "../support/threads.ts";
import { answer } from "../support/workers.ts";

export type ReapOrder =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  /** Allocates blocks of these sizes. The answer is the offsets of all blocks so far. */
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
      // After the reply has been sent.
      setTimeout(endThread, 0);
  }
});
