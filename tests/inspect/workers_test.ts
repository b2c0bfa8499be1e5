/** Maps of a pool that several threads share. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mapAsText, servePage, surveyPool } from "mempool/inspect";
import { withPoolWorkers } from "../support/pool_workers.ts";
import { test, withWorkers } from "../support/harness.ts";
import { Events } from "../support/inspect.ts";
import type { InspectOrder } from "./_worker.ts";
import type { Parcel } from "../support/orders.ts";
import { makePool } from "../support/pool.ts";

test("workers - a map shows the blocks of each worker", () =>
  withPoolWorkers(2, { blocks: 256, cachedBlocks: 16 }, async (pool, team) => {
    const parcels = [];
    for (const [index, worker] of team.entries()) {
      parcels.push(await worker.order<Parcel[]>({ ask: "produce", count: 5 + index, seed: index, as: "offset" }));
    }
    pool.alloc(300);
    const { owners, stats } = surveyPool(pool);
    const shares = new Map<number, number>();
    for (const { state, owner, byteLength } of pool.blocks()) {
      if (state === "allocated") shares.set(owner, (shares.get(owner) ?? 0) + byteLength);
    }
    const allocating = owners.filter(({ allocatedBytes }) => allocatedBytes > 0);
    assertEquals(new Map(allocating.map(({ owner, allocatedBytes }) => [owner, allocatedBytes])), shares);
    assertEquals(allocating.length, 3);
    assertEquals([stats.allocs, stats.workers], [parcels.flat().length + 1, 3]);
    const text = mapAsText(pool, { colours: false });
    for (const { owner } of allocating) assertStringIncludes(text, `worker ${owner}: `);
  }));

test("workers - blocks that a closed worker left allocated are shown as its own", () =>
  withPoolWorkers(1, { blocks: 64 }, async (pool, [worker]) => {
    await worker!.order({ ask: "produce", count: 3, seed: 1, as: "offset" });
    const before = surveyPool(pool).owners;
    assert(before[0]!.allocatedBytes > 0);
    await worker!.order({ ask: "close" });
    assertEquals(surveyPool(pool).owners, before);
  }));

test("workers - the page reports that another worker destroyed the pool", () =>
  withPoolWorkers(1, {}, async (pool, [worker]) => {
    using page = await servePage(pool, { interval: 10 });
    await using events = await Events.open(page.url);
    await events.until(({ state }) => state === "live");
    await worker!.order({ ask: "destroy" });
    const { message } = await events.until(({ state }) => state !== "live");
    assertEquals(message, "The pool was destroyed; this is how it looked last");
  }));

test("workers - a page whose survey times out reports it, and surveys again", () =>
  withPoolWorkers(1, { lockTimeout: 1 }, async (pool, [worker]) => {
    using page = await servePage(pool, { interval: 10 });
    await using events = await Events.open(page.url);
    await events.until(({ state }) => state === "live");
    await worker!.order({ ask: "hold" });
    const { message, stats } = await events.until(({ state }) => state === "trouble");
    assertStringIncludes(message, "Cannot ");
    assertEquals(stats!.allocatedBlocks, 0); // from the last survey that succeeded
    await worker!.order({ ask: "leave" });
    await events.until(({ state }) => state === "live");
  }));

test("workers - a page that a worker serves is live while the thread that made the pool computes", async () => {
  using pool = makePool();
  const flags = new SharedArrayBuffer(4);
  await withWorkers(new URL("./_worker.ts", import.meta.url), 2, async ([server, watcher]) => {
    // After this reply the worker listens, so that the next message reaches it while this thread blocks.
    await watcher!.call({ ask: "close" } satisfies InspectOrder);
    const url = await server!.call<string>({ ask: "serve", handle: pool.handle } satisfies InspectOrder);
    const watching = watcher!.call({ ask: "watch", url, allocated: 40, flags } satisfies InspectOrder);
    await using events = await Events.open(url);
    await events.until(({ state }) => state === "live");
    // The event loop of this thread stands still from here on.
    for (let k = 0; k < 40; k++) pool.allocOffset(64);
    assertEquals(Atomics.wait(new Int32Array(flags), 0, 0, 30_000), "ok");
    assertEquals(await watching, "Live");
    await server!.call({ ask: "close" } satisfies InspectOrder);
  });
});
