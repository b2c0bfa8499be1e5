/**
 * A server with bounded memory under a load that would need more: 8 blocks of 64 KiB for 32 clients.
 *
 *     deno run --unstable-no-legacy-abort --allow-ffi --allow-net=127.0.0.1 examples/backpressure/main.ts
 *     bun examples/backpressure/main.ts
 *     node examples/backpressure/main.ts
 *
 * Without the flag, Deno warns that the signals of requests also abort after the response. This has no effect here.
 */

import { KILOBYTE, MemPool } from "../../mod.ts";
import { send } from "./load.ts";
import { median } from "./median.ts";
import { serve } from "./serve.ts";

const REQUESTS = 500;

using pool = MemPool.init(8 * 64 * KILOBYTE, 64 * KILOBYTE);
let atOnce = 0;
let mostAtOnce = 0;
await using server = await serve(async (request) => {
  mostAtOnce = Math.max(mostAtOnce, ++atOnce);
  try {
    return await median(pool, request);
  } finally {
    atOnce--;
  }
});

const right = await send(server.url, { requests: REQUESTS, clients: 32, longest: pool.blockSize / 8 });
const { blockCount, peakAllocatedBlocks, allocatedBlocks } = pool.stats();
console.log(`${right} of ${REQUESTS} requests answered correctly, up to ${mostAtOnce} at once`);
console.log(`at most ${peakAllocatedBlocks} of ${blockCount} blocks in use, ${allocatedBlocks} in the end`);
