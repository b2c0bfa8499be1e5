/**
 * A server that reads uploads into blocks. One client in ten disconnects in the middle of its upload.
 *
 *     deno run --unstable-no-legacy-abort --allow-ffi --allow-net=127.0.0.1 examples/upload/main.ts
 *     bun examples/upload/main.ts
 *     node examples/upload/main.ts
 */

import { KILOBYTE, MemPool } from "../../mod.ts";
import { serve } from "../backpressure/serve.ts";
import { hashUpload } from "./hash_upload.ts";
import { breakOff, upload } from "./send.ts";

const UPLOADS = 200;
const BROKEN_OFF = UPLOADS / 10;

using pool = MemPool.init(8 * 64 * KILOBYTE, 64 * KILOBYTE);
let failed = 0;
const allFailed = Promise.withResolvers<void>();

await using server = await serve(async (request) => {
  try {
    return await hashUpload(pool, request);
  } catch {
    if (++failed === BROKEN_OFF) allFailed.resolve();
    return new Response("The upload was broken off\n", { status: 400 });
  }
});

const client = async (_: unknown, number: number): Promise<boolean> => {
  const byteLength = 2 * (1 + Math.imul(number, 0x9e3779b1) >>> 0) % (pool.blockSize + 1);
  if (number % 10 === 0) await breakOff(server.url, pool.blockSize);
  return await upload(server.url, new Uint8Array(byteLength).fill(number));
};
const answers = await Promise.all(Array.from({ length: UPLOADS }, client));
await allFailed.promise;
console.log(`${answers.filter(Boolean).length} of ${UPLOADS} uploads hashed correctly, ${failed} broken off`);
console.log(`blocks still allocated: ${pool.stats().allocatedBlocks}`);
