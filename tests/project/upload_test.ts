/** The upload server of the examples: it reads bodies straight into blocks where the runtime can, and copies elsewhere. */

import { assertEquals, assertRejects } from "@std/assert";
import { hashUpload } from "../../examples/upload/hash_upload.ts";
import { readBody } from "../../examples/upload/read_body.ts";
import { breakOff, upload } from "../../examples/upload/send.ts";
import { serve } from "../../examples/backpressure/serve.ts";
import { MemPool } from "mempool";
import { onDeno } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";
import { assertOneFreeRun, present, withPoolAsync } from "../support/pool.ts";

const BLOCK = 1024;
const SHAPE = { blocks: 4, blockSize: BLOCK };

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

/** A body of these bytes, in two chunks: a byte stream or another one. */
function bodyOf(byteLength: number, type?: "bytes"): Body {
  const start = (controller: ReadableStreamDefaultController | ReadableByteStreamController): void => {
    const half = byteLength >> 1;
    for (const length of [half, byteLength - half]) if (length > 0) controller.enqueue(new Uint8Array(length).fill(3));
    controller.close();
  };
  return (type === undefined ? new ReadableStream({ start }) : new ReadableStream({ type, start })) as Body;
}

for (const type of ["bytes", undefined] as const) {
  for (const byteLength of [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK]) {
    test(
      `upload - a ${
        type === "bytes" ? "byte stream" : "stream"
      } of ${byteLength} bytes is read into a block of ${BLOCK}`,
      withPoolAsync(async (pool) => {
        const block = present(pool.alloc(BLOCK));
        const offset = pool.offsetOf(block);
        const length = await readBody(bodyOf(byteLength, type), block);
        assertEquals(length, byteLength > BLOCK ? undefined : byteLength);
        assertEquals(block.detached, type === "bytes"); // a byte stream takes the buffer
        const bytes = new Uint8Array(pool.at(offset), 0, length ?? 0);
        assertEquals(bytes.findIndex((byte) => byte !== 3), -1);
        pool.freeOffset(offset);
        assertOneFreeRun(pool);
      }, SHAPE),
    );
  }
}

test(
  "upload - a request without a body has no bytes",
  withPoolAsync(async (pool) => {
    const block = present(pool.alloc(BLOCK));
    assertEquals(await readBody(null, block), 0);
    pool.free(block);
  }, SHAPE),
);

test(
  "upload - a stream that fails leaves the block to the caller",
  withPoolAsync(async (pool) => {
    for (const type of ["bytes", undefined] as const) {
      const offset = pool.allocOffset(BLOCK);
      const pull = (controller: { error(reason: unknown): void }): void => controller.error(new Error("on purpose"));
      const failing = type === undefined ? new ReadableStream({ pull }) : new ReadableStream({ type, pull });
      await assertRejects(() => readBody(failing as Body, pool.at(offset)), Error, "on purpose");
      pool.freeOffset(offset);
      assertOneFreeRun(pool);
    }
  }, SHAPE),
);

/** Whether the stream of a request's body takes the block. */
async function isTaken(byteLength: number): Promise<boolean> {
  using pool = MemPool.init(SHAPE.blocks * BLOCK, BLOCK);
  const taken = Promise.withResolvers<boolean>();
  await using server = await serve(async (request) => {
    const block = present(pool.alloc(BLOCK));
    const offset = pool.offsetOf(block);
    assertEquals(await readBody(request.body as Body, block), byteLength);
    taken.resolve(block.detached);
    pool.freeOffset(offset);
    return new Response(null);
  });
  await fetch(server.url, { method: "POST", body: new Uint8Array(byteLength) });
  return await taken.promise;
}

test("upload - a request is read straight into the block on Deno, and copied on Bun and Node", async () => {
  assertEquals(await isTaken(BLOCK), onDeno);
});

test("upload - a short request is copied on every runtime", async () => {
  assertEquals(await isTaken(1), false);
});

test("upload - uploads of all lengths are hashed; longer ones are refused, broken ones fail; the blocks are free again", async () => {
  for (const checked of [false, true]) {
    using pool = MemPool.init(SHAPE.blocks * BLOCK, BLOCK, { checked });
    const failure = Promise.withResolvers<unknown>();
    await using server = await serve(async (request) => {
      try {
        return await hashUpload(pool, request);
      } catch (error) {
        failure.resolve(error);
        return new Response(null, { status: 400 });
      }
    });
    for (const byteLength of [0, 1, BLOCK - 1, BLOCK]) {
      assertEquals(await upload(server.url, new Uint8Array(byteLength).fill(9)), true);
    }
    const { status } = await fetch(server.url, { method: "POST", body: new Uint8Array(BLOCK + 1) });
    assertEquals(status, 413);
    await breakOff(server.url, BLOCK);
    assertEquals(await failure.promise instanceof Error, true);
    assertOneFreeRun(pool);
  }
});
