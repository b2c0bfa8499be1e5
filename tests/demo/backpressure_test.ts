/** The example of a server whose pool makes requests wait, so that its memory is bounded. */

import { assertEquals, assertRejects } from "@std/assert";
import { send } from "../../examples/backpressure/load.ts";
import { median } from "../../examples/backpressure/median.ts";
import { serve, type Server } from "../../examples/backpressure/serve.ts";
import { MemPool } from "../../mod.ts";
import { test } from "../support/harness.ts";

const BLOCK = 64 * 1024;

/** The server of the example, which counts the requests that have arrived and those that are done. */
class Service implements AsyncDisposable {
  readonly pool: MemPool;
  #server!: Server;
  #come = 0;
  #done = 0;
  #awaited: { enough: () => boolean; resolve: () => void }[] = [];

  private constructor(blocks: number) {
    this.pool = MemPool.init(blocks * BLOCK + 1, BLOCK); // a pool must be larger than one block
  }

  static async start(blocks: number): Promise<Service> {
    const service = new Service(blocks);
    service.#server = await serve((request) => service.#answer(request));
    return service;
  }

  async #answer(request: Request): Promise<Response> {
    this.#come++;
    this.#tell();
    try {
      return await median(this.pool, request);
    } finally {
      this.#done++;
      this.#tell();
    }
  }

  get url(): string {
    return this.#server.url;
  }

  come(count: number): Promise<void> {
    return this.#until(() => this.#come >= count);
  }

  done(count: number): Promise<void> {
    return this.#until(() => this.#done >= count);
  }

  #until(enough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.push({ enough, resolve });
      this.#tell();
    });
  }

  #tell(): void {
    this.#awaited = this.#awaited.filter(({ enough, resolve }) => {
      if (enough()) resolve();
      return !enough();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    this.pool.destroy();
  }
}

/** Sends a list of 1 and 2, whose second number waits for `rest`. */
function post(url: string, rest: Promise<unknown>, signal?: AbortSignal): Promise<string> {
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(new Uint8Array(new Float64Array([1]).buffer));
      await rest;
      controller.enqueue(new Uint8Array(new Float64Array([2]).buffer));
      controller.close();
    },
  });
  const init = { method: "POST", body, duplex: "half" as const, signal: signal ?? null };
  return fetch(url, init).then((response) => response.text());
}

test("backpressure - under load, every request is answered, with a quarter as many blocks as clients", async () => {
  await using service = await Service.start(8);
  const right = await send(service.url, { requests: 500, clients: 32, longest: BLOCK / 8 });
  assertEquals(right, 500);
  assertEquals(service.pool.stats().allocatedBlocks, 0);
  service.pool.check();
});

test("backpressure - with more requests than blocks, each block is in use, and the other requests wait", async () => {
  await using service = await Service.start(8);
  const rest = Promise.withResolvers<void>();
  const answers = Array.from({ length: 32 }, () => post(service.url, rest.promise));
  await service.come(32);
  assertEquals(service.pool.stats().allocatedBlocks, 8);
  rest.resolve();
  assertEquals(await Promise.all(answers), Array(32).fill("1\n"));
  assertEquals(service.pool.stats().peakAllocatedBlocks, 8);
  assertEquals(service.pool.stats().allocatedBlocks, 0);
});

test("backpressure - a client that disconnects while it waits leaves no block allocated", async () => {
  await using service = await Service.start(1);
  const rest = Promise.withResolvers<void>();
  const first = post(service.url, rest.promise);
  await service.come(1);
  const impatient = new AbortController();
  const second = post(service.url, rest.promise, impatient.signal);
  await service.come(2);
  impatient.abort(new Error("too long"));
  await assertRejects(() => second, Error);
  assertEquals(service.pool.stats().allocatedBlocks, 1);
  rest.resolve();
  assertEquals(await first, "1\n");
  // Bun notices at once. Deno notices when the body is read, after the request has received a block.
  await service.done(2);
  assertEquals(service.pool.stats().allocatedBlocks, 0);
  assertEquals(await post(service.url, rest.promise), "1\n");
});

test("backpressure - a body that is not a list of doubles, or too long for a block, is refused, and its block is freed", async () => {
  await using service = await Service.start(1);
  const answer = async (length: number): Promise<number> => {
    const response = await fetch(service.url, { method: "POST", body: new Uint8Array(length) });
    await response.text();
    return response.status;
  };
  assertEquals([await answer(12), await answer(0), await answer(BLOCK + 8), await answer(8)], [400, 400, 413, 200]);
  assertEquals(service.pool.stats().allocatedBlocks, 0);
});
