/** Serves the page of the pool that its first message names. It attaches to the pool like any other worker. */

import { parentPort } from "node:worker_threads";
import { MemPool } from "../../../mod.ts";
import { servePage } from "../../../src/inspect/mod.ts";
import type { PageJob, PageMessage } from "./messages.ts";

/** Milliseconds. Short, so that a search of one second visibly moves. */
const INTERVAL = 100;

parentPort!.on("message", async ({ handle }: PageJob) => {
  try {
    const { url } = await servePage(MemPool.attach(handle), { interval: INTERVAL });
    say({ kind: "page", url });
  } catch (error) {
    say({ kind: "error", error: error instanceof Error ? error.message : String(error) });
  }
});
say({ kind: "ready" });

function say(message: PageMessage): void {
  parentPort!.postMessage(message);
}
