/** `alive` tells which threads still run while workers of every runtime start and end. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { openNative } from "../../src/runtime/open.ts";
import { test } from "../support/harness.ts";
import { spawnNativeWorker } from "../support/native.ts";

test("thread - returns the same whole number above 0 each time, and this thread is alive", () => {
  const native = openNative();
  const own = native.thread();
  assert(Number.isSafeInteger(own) && own > 0);
  assertEquals([native.thread(), native.alive(own)], [own, true]);
});

test("alive - is false for a number that never was an id", () => {
  const native = openNative();
  const own = native.thread();
  for (const never of [0, -0, -1, 1, NaN, Infinity, -Infinity, 1e300, 2 ** 53, own + 0.5, -own, own + 2 ** 40]) {
    assertEquals([never, native.alive(never)], [never, false]);
  }
});

test("alive - is true in every thread for all running workers and the main thread", async () => {
  const native = openNative();
  const [one, two] = await Promise.all([spawnNativeWorker(), spawnNativeWorker()]);
  try {
    assertNotEquals(one.thread, two.thread);
    assertNotEquals(one.thread, native.thread());
    for (const thread of [one.thread, two.thread, native.thread()]) {
      assert(native.alive(thread));
      assert(await one.order({ ask: "alive", thread }));
      assert(await two.order({ ask: "alive", thread }));
    }
  } finally {
    await one.terminate();
    await two.terminate();
  }
});

test("alive - stays false for a worker that has ended, even after others have reused its record", async () => {
  const native = openNative();
  const dead: number[] = [];
  for (let round = 0; round < 10; round++) {
    const worker = await spawnNativeWorker();
    assert(!dead.includes(worker.thread), "an id came twice");
    await (round % 2 === 0 ? worker.terminate() : worker.end());
    dead.push(worker.thread);
    assertEquals(dead.filter((thread) => native.alive(thread)), []);
  }
});
