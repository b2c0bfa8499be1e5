import { assert, assertEquals, assertRejects } from "@std/assert";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnWorker, test, type TestWorker, withWorkers } from "../support/harness.ts";
import { takeUnheardErrors } from "../support/workers.ts";

const url = new URL("./_harness_worker.ts", import.meta.url);

function withWorker(use: (worker: TestWorker) => Promise<void>): Promise<void> {
  return withWorkers(url, 1, ([worker]) => use(worker!));
}

test("test - runs an asynchronous body to its end", async () => {
  await Promise.resolve();
});

test("call - resolves to what the worker returns", () =>
  withWorker(async (worker) => {
    assertEquals(await worker.call({ ask: "echo", value: { a: [1, 2] } }), { a: [1, 2] });
  }));

test("call - resolves many concurrent calls, each with its own reply", () =>
  withWorker(async (worker) => {
    const values = Array.from({ length: 100 }, (_, i) => i);
    assertEquals(await Promise.all(values.map((value) => worker.call<number>({ ask: "echo", value }))), values);
  }));

test("call - rejects with the worker's error, with its name, message and code", () =>
  withWorker(async (worker) => {
    const error = await assertRejects(() => worker.call({ ask: "throw" }), Error, "told to");
    assertEquals(error.name, "RangeError");
    assertEquals((error as { code?: unknown }).code, "told");
  }));

test("call - transfers buffers in both directions", () =>
  withWorker(async (worker) => {
    const buffer = new ArrayBuffer(8);
    const back = await worker.call<ArrayBuffer>({ ask: "fill", buffer }, [buffer]);
    assert(buffer.detached);
    assertEquals(new Uint8Array(back), new Uint8Array(8).fill(7));
  }));

test("post - delivers messages in order, even before the worker has started", () =>
  withWorker(async (worker) => {
    for (let value = 1; value <= 10; value++) worker.post({ ask: "echo", value });
    assertEquals(await worker.call<number>({ ask: "sum" }), 55);
  }));

test("terminate - rejects pending and later calls", async () => {
  const worker = spawnWorker(url);
  await worker.call({ ask: "sum" });
  const call = worker.call({ ask: "spin" });
  worker.terminate();
  await assertRejects(() => call, Error, "terminated");
  await assertRejects(() => worker.call({ ask: "sum" }), Error, "terminated");
});

test("call - rejects if the worker throws outside of an answer", () =>
  withWorker(async (worker) => {
    await assertRejects(() => worker.call({ ask: "crash" }), Error, "crashed on purpose");
  }));

test("post - the error of a worker that fails while no call waits is kept, so that the test fails", () =>
  withWorker(async (worker) => {
    worker.post({ ask: "crash" });
    const errors: string[] = [];
    while (errors.length === 0) {
      await sleep(1);
      errors.push(...takeUnheardErrors());
    }
    assertEquals(errors.length, 1);
    assert(errors[0]!.includes("crashed on purpose"));
  }));

test("call - rejects if the worker does not load", async () => {
  const worker = spawnWorker(new URL("./_no_such_worker.ts", import.meta.url));
  await assertRejects(() => worker.call({ ask: "sum" }), Error, "Worker failed");
  worker.terminate();
});
