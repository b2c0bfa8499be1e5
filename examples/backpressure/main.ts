/**
 * A server whose memory has a bound, and a load that it would not fit: 8 blocks of 64 KiB, 32 clients.
 *
 *     deno run --unstable-no-legacy-abort --allow-ffi --allow-net=127.0.0.1 examples/backpressure/main.ts
 *     bun examples/backpressure/main.ts
 *
 * Without the flag Deno warns that its requests' signals abort after the response, too: here that comes to nothing.
 */

import { KILOBYTE, MemPool } from "../../mod.ts";
import { send } from "./load.ts";
import { median } from "./median.ts";
import { serve } from "./serve.ts";

const REQUESTS = 500;

using pool = MemPool.init(8 * 64 * KILOBYTE, 64 * KILOBYTE);
let atOnce = 0;
let mostAtOnce = 0;
await using server = serve(async (request) => {
  mostAtOnce = Math.max(mostAtOnce, ++atOnce);
  try {
    return await median(pool, request);
  } finally {
    atOnce--;
  }
});

const right = await send(server.url, { requests: REQUESTS, clients: 32, longest: pool.blockSize / 8 });
const { blockCount, peakAllocatedBlocks, allocatedBlocks } = pool.stats();
console.log(`${right} of ${REQUESTS} requests answered rightly, up to ${mostAtOnce} at once`);
console.log(`${peakAllocatedBlocks} of ${blockCount} blocks in use at most, ${allocatedBlocks} in the end`);
