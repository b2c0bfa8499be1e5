/** Serves the page of the pool that its first message names. It attaches to the pool like any other worker. */

import { MemPool } from "../../../mod.ts";
import { servePage } from "../../../src/inspect/mod.ts";
import type { PageJob, PageMessage } from "./messages.ts";

/** Milliseconds. Short, so that a search of one second visibly moves. */
const INTERVAL = 100;

/** The part of the global scope that this worker uses. tsc has no types that fit both runtimes. */
const scope = globalThis as unknown as {
  postMessage(message: PageMessage): void;
  addEventListener(type: "message", listener: (event: MessageEvent<PageJob>) => void): void;
};

scope.addEventListener("message", async ({ data: { handle } }) => {
  try {
    const { url } = await servePage(MemPool.attach(handle), { interval: INTERVAL });
    scope.postMessage({ kind: "page", url });
  } catch (error) {
    scope.postMessage({ kind: "error", error: error instanceof Error ? error.message : String(error) });
  }
});
scope.postMessage({ kind: "ready" });
