/**
 * The table in "Byte streams take the block" of the guide: a byte stream transfers the buffers that it gets. Whatever
 * becomes of a buffer, the offset still names the block.
 */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { type MemPool, MemPoolError } from "mempool";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { scratch } from "../../scripts/_project.ts";
import { denoConnection, serve, turns } from "./_native_use.ts";
import { bunTest, denoTest, test } from "../support/harness.ts";
import { assertOneFreeRun, present, thrownBy, withPoolAsync } from "../support/pool.ts";

type ByteStream = ReadableStream<Uint8Array<ArrayBuffer>>;

/** A block of a pool, which a stream gets. */
class Lent {
  readonly #pool: MemPool;
  readonly #buffer: ArrayBuffer;
  readonly offset: number;

  constructor(pool: MemPool) {
    this.#pool = pool;
    this.#buffer = present(pool.alloc(1024));
    this.offset = pool.offsetOf(this.#buffer);
  }

  get view(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer);
  }

  /** Expects that the stream has taken the buffer, and that the block is still allocated. */
  assertTaken(): void {
    assertEquals([this.#buffer.detached, this.#pool.owns(this.#buffer)], [true, false]);
    const error = thrownBy(() => this.#pool.free(this.#buffer));
    assertInstanceOf(error, MemPoolError);
    assertEquals(error.code, "foreign-block");
    assertEquals(this.#pool.at(this.offset).byteLength, 1024);
  }

  /** Expects that this view is on the block, and frees the block by it. */
  freeBy(view: Uint8Array<ArrayBuffer> | undefined): void {
    this.assertTaken();
    assertEquals(this.#pool.offsetOf(view!), this.offset);
    this.#pool.free(view!);
    assertOneFreeRun(this.#pool);
  }

  freeByOffset(): void {
    this.assertTaken();
    this.#pool.freeOffset(this.offset);
    assertOneFreeRun(this.#pool);
  }
}

/** Runs `use` with a block of a pool and of a checked pool. */
function withLent(use: (lent: Lent, pool: MemPool) => Promise<void>): () => Promise<void> {
  return withPoolAsync((pool) => use(new Lent(pool), pool), { blocks: 8, blockSize: 1024 });
}

/** A byte stream whose source writes three sevens into the reader's view, or does something else. */
function byteStream(
  pull = (controller: ReadableByteStreamController): void => {
    const { view } = controller.byobRequest!;
    new Uint8Array(view!.buffer, view!.byteOffset, 3).fill(7);
    controller.byobRequest!.respond(3);
  },
): ByteStream {
  return new ReadableStream({ type: "bytes", pull });
}

/** A byte stream that has one chunk. */
function streamWith(chunk: Uint8Array<ArrayBuffer>): ByteStream {
  const start = (controller: ReadableByteStreamController): void => {
    controller.enqueue(chunk);
    controller.close();
  };
  return new ReadableStream({ type: "bytes", start });
}

test(
  "byte streams - a read that succeeds returns a view on the block",
  withLent(async (lent) => {
    const { value, done } = await byteStream().getReader({ mode: "byob" }).read(lent.view);
    assertEquals([done, [...value!]], [false, [7, 7, 7]]);
    lent.freeBy(value);
  }),
);

test(
  "byte streams - a read at the end returns an empty view on the block",
  withLent(async (lent) => {
    const ending = byteStream((controller) => {
      controller.close();
      controller.byobRequest!.respond(0);
    });
    const { value, done } = await ending.getReader({ mode: "byob" }).read(lent.view);
    assertEquals([done, value!.length], [true, 0]);
    lent.freeBy(value);
  }),
);

test(
  "byte streams - a read returns no buffer if the stream fails",
  withLent(async (lent) => {
    const failing = byteStream((controller) => controller.error(new Error("on purpose")));
    await assertRejects(() => failing.getReader({ mode: "byob" }).read(lent.view), Error, "on purpose");
    lent.freeByOffset();
  }),
);

test(
  "byte streams - a read returns no buffer if the stream is cancelled",
  withLent(async (lent) => {
    const reader = byteStream(() => {}).getReader({ mode: "byob" });
    const read = reader.read(lent.view);
    await reader.cancel();
    const { value, done } = await read;
    assertEquals([value, done], [undefined, true]);
    lent.freeByOffset();
  }),
);

test(
  "byte streams - a read returns no buffer if its reader is released, and a later read still writes to the block",
  withLent(async (lent, pool) => {
    let controller: ReadableByteStreamController | undefined;
    const stream = byteStream((its) => void (controller = its));
    const reader = stream.getReader({ mode: "byob" });
    const read = reader.read(lent.view);
    await turns(1); // the source has been asked for bytes by then
    reader.releaseLock();
    await assertRejects(() => read, TypeError);
    const { view } = controller!.byobRequest!;
    new Uint8Array(view!.buffer, view!.byteOffset, 1).fill(5);
    assertEquals(new Uint8Array(pool.at(lent.offset))[0], 5);
    await stream.cancel();
    lent.freeByOffset();
  }),
);

test(
  "byte streams - a chunk that was enqueued is the block",
  withLent(async (lent) => {
    const { value } = await streamWith(lent.view).getReader().read();
    lent.freeBy(value);
  }),
);

test(
  "byte streams - a chunk that was enqueued does not come back if the stream is cancelled",
  withLent(async (lent) => {
    await streamWith(lent.view).cancel();
    lent.freeByOffset();
  }),
);

test(
  "byte streams - a chunk that was enqueued into a Response does not come back",
  withLent(async (lent, pool) => {
    lent.view.fill(9);
    const body = await new Response(streamWith(lent.view)).arrayBuffer();
    assertEquals([body.byteLength, new Uint8Array(body)[1023], pool.owns(body)], [1024, 9, false]);
    lent.freeByOffset();
  }),
);

/** Sends 3,000 bytes to a server, which passes the body on. */
async function withBody(use: (body: ByteStream) => Promise<void>): Promise<void> {
  const served = Promise.withResolvers<void>();
  await using server = await serve(async (request) => {
    await use(request.body!).then(served.resolve, served.reject);
    return new Response(null);
  });
  await (await fetch(server.url, { method: "POST", body: new Uint8Array(3000).fill(8) })).body?.cancel();
  await served.promise;
}

denoTest(
  "byte streams - the body of a request is read into the block",
  withLent((lent, pool) =>
    withBody(async (body) => {
      const { value } = await body.getReader({ mode: "byob" }).read(lent.view);
      const bytes = new Uint8Array(pool.at(lent.offset), 0, value!.length);
      assert(bytes.length > 0 && bytes.every((byte) => byte === 8));
      lent.freeBy(value);
    })
  ),
);

denoTest(
  "byte streams - the body of a response is read into the block",
  withLent(async (lent) => {
    await using server = await serve(() => new Response(new Uint8Array(3000).fill(8)));
    const reader = (await fetch(server.url)).body!.getReader({ mode: "byob" });
    const { value } = await reader.read(lent.view);
    assert(value!.length > 0 && value!.every((byte) => byte === 8));
    await reader.cancel();
    lent.freeBy(value);
  }),
);

bunTest("byte streams - bodies of requests and responses have no BYOB reader", async () => {
  assert(thrownBy(() => new Response("text").body!.getReader({ mode: "byob" })) instanceof TypeError);
  await withBody(async (body) => {
    assert(thrownBy(() => body.getReader({ mode: "byob" })) instanceof TypeError);
  });
});

denoTest(
  "byte streams - nothing writes to the block after a socket was cancelled during a read",
  withLent(async (lent, pool) => {
    const [socket, other] = await denoConnection();
    const reader = socket.readable.getReader({ mode: "byob" });
    const read = reader.read(lent.view);
    await turns();
    await reader.cancel();
    const { value, done } = await read;
    assertEquals([value, done], [undefined, true]);
    const bytes = new Uint8Array(pool.at(lent.offset)).fill(0);
    await assertRejects(async () => {
      // The first write may be accepted before the other side's refusal arrives.
      for (;;) await other.write(new Uint8Array(100).fill(9));
    });
    assertEquals(bytes.findIndex((byte) => byte !== 0), -1);
    other.close();
    lent.freeByOffset();
  }),
);

denoTest(
  "byte streams - the system still writes to the block after a file was cancelled during a read",
  withLent(async (lent, pool) => {
    mkdirSync(scratch, { recursive: true });
    const folder = mkdtempSync(join(scratch, "fifo-"));
    const path = join(folder, "fifo");
    execFileSync("mkfifo", [path]);
    const file = await Deno.open(path, { read: true, write: true }); // both ends, so that it does not wait for the other
    const other = await Deno.open(path, { read: true, write: true });
    const reader = file.readable.getReader({ mode: "byob" });
    const read = reader.read(lent.view);
    await turns();
    await reader.cancel();
    const { value, done } = await read;
    assertEquals([value, done], [undefined, true]);
    const bytes = new Uint8Array(pool.at(lent.offset)).fill(0);
    await other.write(Uint8Array.of(1, 2, 3));
    while (bytes[2] !== 3) await turns(1);
    other.close();
    rmSync(folder, { recursive: true });
    lent.freeByOffset();
  }),
);
