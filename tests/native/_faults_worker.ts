import { MemPool, type MemPoolHandle } from "../../mod.ts";
import { Attachment } from "../../src/attachment.ts";
import { takeAll } from "../support/take_all.ts";
import { answer } from "../support/workers.ts";

export type FaultsOrder =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  | { readonly ask: "fill cache" | "hold" | "leave" | "take all" };

let pool: MemPool;

answer((order: FaultsOrder) => {
  switch (order.ask) {
    case "attach":
      pool = MemPool.attach(order.handle);
      return pool.blockCount;
    case "fill cache":
      pool.freeOffset(pool.allocOffset(1));
      return pool.stats().cachedBlocks;
    case "hold":
      return Attachment.open(pool.handle).lock.enter("hold");
    case "leave":
      return Attachment.open(pool.handle).lock.leave();
    case "take all":
      return [...takeAll(() => pool.allocOffset(1))];
  }
});
