import type { MemPool } from "../../mod.ts";

/**
 * Answers a request whose body is a list of doubles with their median, for which all of them have to be in memory: in a
 * block of the pool. When all blocks are in use, requests wait for one, in the order in which they came, and what their
 * clients send waits in the system's buffers and with the clients. So the pool's size is all the memory that bodies take,
 * however many requests there are. One whose client goes away while it waits is passed over, or on Deno, which notices that
 * when the body is read, fails then.
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

/** Returns how many bytes there were, or when there are more than fit, how many were seen. */
async function read(body: ReadableStream<Uint8Array> | null, block: Uint8Array): Promise<number> {
  let length = 0;
  for await (const chunk of body ?? []) {
    if (length + chunk.length > block.length) return length + chunk.length;
    block.set(chunk, length);
    length += chunk.length;
  }
  return length;
}
