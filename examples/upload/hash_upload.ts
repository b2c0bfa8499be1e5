import type { MemPool } from "../../mod.ts";
import { readBody } from "./read_body.ts";

/**
 * Answers a request with the SHA-256 hash of its body, for which the whole body has to be in memory: in a block of the
 * pool. The block is named by its offset throughout. If a client disconnects in the middle of its upload, the stream of
 * the body keeps the buffer that it was reading into, but the offset still names the block.
 */
export async function hashUpload(pool: MemPool, request: Request): Promise<Response> {
  const offset = pool.offsetOf(await pool.allocAsync(pool.blockSize, { signal: request.signal }));
  try {
    const length = await readBody(request.body, pool.at(offset));
    if (length === undefined) return new Response(`At most ${pool.blockSize} bytes\n`, { status: 413 });
    const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(pool.at(offset), 0, length));
    return new Response(new Uint8Array(hash).toHex());
  } finally {
    pool.freeOffset(offset);
  }
}
