/** The worker of the tests of the native library. */

import { MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { endThread } from "./threads.ts";
import { answer } from "./workers.ts";

export type NativeOrder =
  | { readonly ask: "thread" }
  | { readonly ask: "alive"; readonly thread: number }
  | { readonly ask: "init" }
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  | { readonly ask: "end" };

answer((order: NativeOrder) => {
  switch (order.ask) {
    case "thread":
      return openNative().thread();
    case "alive":
      return openNative().alive(order.thread);
    case "init":
      return MemPool.init(1024, 64).handle;
    case "attach":
      MemPool.attach(order.handle);
      return;
    case "end":
      return endThread();
  }
});
