/** The worker of the tests that use the native library without a pool. */

import { openNative } from "../src/ffi/open.ts";
import { answer } from "./_workers.ts";

export type NativeOrder =
  | { readonly ask: "thread" }
  | { readonly ask: "alive"; readonly thread: number }
  | { readonly ask: "open"; readonly id: number };

answer((order: NativeOrder) => {
  const native = openNative();
  switch (order.ask) {
    case "thread":
      return native.thread();
    case "alive":
      return native.alive(order.thread);
    case "open":
      return native.open(order.id);
  }
});
