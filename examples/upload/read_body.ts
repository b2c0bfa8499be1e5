/**
 * Reads a body into a block and returns the number of its bytes, or `undefined` if the body is longer than the block.
 *
 * A byte stream reads into the block without a copy and takes the buffer `block`: afterwards, find the bytes with
 * `pool.at(offset)`. On Deno, all bodies but short ones are byte streams. On Bun none is, so the chunks are copied.
 */
export async function readBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  block: ArrayBuffer,
): Promise<number | undefined> {
  if (body === null) return 0;
  const reader = byobReader(body);
  return reader === undefined ? await copyInto(block, body) : await readInto(block, reader);
}

/** A reader that reads into the caller's buffers, if the stream has one. */
function byobReader(body: ReadableStream): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch (error) {
    if (error instanceof TypeError) return undefined; // not a byte stream
    throw error;
  }
}

async function readInto(block: ArrayBuffer, reader: ReadableStreamBYOBReader): Promise<number | undefined> {
  let [buffer, length] = [block, 0];
  while (length < buffer.byteLength) {
    const { done, value } = await reader.read(new Uint8Array(buffer, length));
    if (value === undefined) throw new Error("The body was cancelled");
    if (done) return length;
    buffer = value.buffer; // another object over the same block
    length += value.byteLength;
  }
  const { done } = await reader.read(new Uint8Array(1));
  if (done) return length;
  await reader.cancel();
  return undefined;
}

async function copyInto(block: ArrayBuffer, body: ReadableStream<Uint8Array>): Promise<number | undefined> {
  const bytes = new Uint8Array(block);
  let length = 0;
  for await (const chunk of body) {
    if (length + chunk.length > bytes.length) return undefined; // leaving the loop cancels the body
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return length;
}
