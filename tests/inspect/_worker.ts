/**
 * The worker of workers_test.ts: serves the page of a pool that another thread made, or reads the events of such a
 * page.
 */

import { MemPool, type MemPoolHandle } from "mempool";
import { type PoolPage, servePage } from "mempool/inspect";
import { Events } from "../support/inspect.ts";
import { answer } from "../support/workers.ts";

export type InspectOrder =
  | { readonly ask: "serve"; readonly handle: MemPoolHandle }
  | { readonly ask: "watch"; readonly url: string; readonly allocated: number; readonly flags: SharedArrayBuffer }
  | { readonly ask: "close" };

let page: PoolPage | undefined;

answer(async (order: InspectOrder) => {
  switch (order.ask) {
    case "serve":
      page = await servePage(MemPool.attach(order.handle), { interval: 10 });
      return page.url;
    case "watch":
      return await watch(order.url, order.allocated, new Int32Array(order.flags));
    case "close":
      return page?.close();
  }
});

/** Waits until the page shows this number of allocated blocks. Then wakes the thread that waits on the first word. */
async function watch(url: string, allocated: number, words: Int32Array): Promise<string> {
  await using events = await Events.open(url);
  const { message } = await events.until(({ stats }) => stats?.allocatedBlocks === allocated);
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  return message;
}
