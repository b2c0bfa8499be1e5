/** Serves the page of the pool that its first message names. It looks at the pool as any worker can. */

import { MemPool } from "../../../mod.ts";
import { servePage } from "../../../src/inspect/mod.ts";
import type { PageJob, PageMessage } from "./messages.ts";

/** Milliseconds: a search of a second should be seen to move. */
const INTERVAL = 100;

/** What of a worker's global scope is used; there are no types for both runtimes' scopes at once. */
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
