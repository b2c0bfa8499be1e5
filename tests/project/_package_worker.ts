/** The worker of `_package_program.ts`: adds up the bytes of another worker's block, and frees a block of its own. */

import { MemPool } from "mempool";
import type { Message } from "./_package_program.ts";

/** A type that exists in the types of Deno and Bun, and without them. */
const scope = globalThis as unknown as { postMessage(message: number | "ready"): void };

globalThis.addEventListener("message", ({ data: { handle, offset } }: MessageEvent<Message>) => {
  const pool = MemPool.attach(handle);
  const bytes = new Uint8Array(pool.at(offset), 0, 200);
  const own = pool.calloc(100, 8);
  if (own !== null) pool.free(own);
  pool.close();
  scope.postMessage(bytes.reduce((sum, byte) => sum + byte, 0));
});
scope.postMessage("ready");
