import type { MemPool } from "../../mod.ts";

/**
 * Answers a request with the median of the doubles in its body. All of them have to be in memory at once: in a block of
 * the pool. When all blocks are in use, requests wait for one in the order of their arrival; their data waits in the
 * system's buffers and with the clients. So the bodies never take more memory than the pool, however many requests
 * there are. If a client disconnects while its request waits, the request gives up its place. Deno notices the end of a
 * client only when the body is read, so there the request fails later.
 */
export async function median(pool: MemPool, request: Request): Promise<Response> {
  const block = await pool.allocAsync(pool.blockSize, { signal: request.signal });
  try {
    const length = await read(request.body, new Uint8Array(block));
    if (length > block.byteLength) return new Response(`At most ${block.byteLength} bytes\n`, { status: 413 });
    if (length === 0 || length % 8 !== 0) return new Response("Not a list of doubles\n", { status: 400 });
    const numbers = new Float64Array(block, 0, length / 8).sort();
    return new Response(`${numbers[numbers.length - 1 >> 1]}\n`);
  } finally {
    pool.free(block);
  }
}

/** Returns the number of bytes in the body. If they do not fit, stops early and returns a larger number than fits. */
async function read(body: ReadableStream<Uint8Array> | null, block: Uint8Array): Promise<number> {
  let length = 0;
  for await (const chunk of body ?? []) {
    if (length + chunk.length > block.length) return length + chunk.length;
    block.set(chunk, length);
    length += chunk.length;
  }
  return length;
}
