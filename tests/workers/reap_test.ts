/** Workers that end without `close`: what they leave behind, and how `reap`, exhaustion and attaching take it back. */

import { assertEquals } from "@std/assert";
import { MemPool } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { ALLOCATED, CACHED, ORPHAN, SLOT_COUNT, SLOT_GIVEN, SLOT_TOP, TAG } from "../../src/region/layout.ts";
import { slotWord } from "../../src/region/worker_slots.ts";
import { makeTag, stateOf, workerOf } from "../../src/region/block_table.ts";
import { type PoolWorker, spawnPoolWorker } from "../support/pool_workers.ts";
import { test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  inKind,
  insideOf,
  kindsOf,
  makePool,
  mark,
  present,
  withPool,
  withPoolAsync,
} from "../support/pool.ts";
import type { ReapOrder } from "./_reap_worker.ts";

interface Victim extends PoolWorker<ReapOrder> {
  /** Ends the worker in this way, and waits until its thread has ended. */
  die(how?: "terminate" | "close itself"): Promise<void>;
}

/** Spawns a worker that is attached to the pool. */
async function spawnVictim(pool: MemPool): Promise<Victim> {
  const worker = await spawnPoolWorker<ReapOrder>(new URL("./_reap_worker.ts", import.meta.url), pool);
  return {
    ...worker,
    die: async (how = "terminate") => {
      if (how === "terminate") return await worker.die();
      await worker.order({ ask: "end" });
      await worker.ended();
    },
  };
}

/** Three single blocks and runs of 2 and 8: 13 blocks together. */
const SIZES = [64, 10, 128, 1, 512];

for (const how of ["terminate", "close itself"] as const) {
  test(
    `reap - takes back what a worker had allocated and cached, ended by ${how}`,
    withPoolAsync(async (pool) => {
      const worker = await spawnVictim(pool);
      await worker.order({ ask: "take", sizes: SIZES });
      const before = pool.stats();
      assertEquals(before.allocatedBlocks, 13);
      assertEquals(pool.reap(), 0, "the worker still runs");
      await worker.die(how);
      assertEquals(pool.reap(), 13 + before.cachedBlocks);
      assertEquals(pool.reap(), 0, "the second time");
      const { workers, allocs, frees } = pool.stats();
      assertEquals([workers, allocs, frees], [1, 5, 5]);
      assertOneFreeRun(pool);
    }, { cachedBlocks: 8 }),
  );
}

test(
  "reap - keeps what living workers hold, also what they took over from a dead one",
  withPoolAsync(async (pool) => {
    const worker = await spawnVictim(pool);
    const mine = present(pool.alloc(64));
    mark(mine, 1);
    const offsets = await worker.order<number[]>({ ask: "take", sizes: SIZES });
    const [first, second] = [pool.at(offsets[0]!), pool.at(offsets[2]!)];
    await worker.die();
    pool.reap();
    assertEquals(pool.stats().allocatedBlocks, 1 + 1 + 2);
    assertMarked(mine, 1);
    assertMarked(first, 0);
    assertMarked(second, 2);
    pool.freeMany([mine, first, second]);
    assertOneFreeRun(pool);
  }),
);

test(
  "reap - takes back what a dead worker had taken over",
  withPoolAsync(async (pool) => {
    const worker = await spawnVictim(pool);
    const offset = pool.allocOffset(640);
    assertEquals(await worker.order({ ask: "adopt", offset }), 640);
    await worker.die();
    assertEquals(pool.reap(), 10);
    assertOneFreeRun(pool);
  }, { cachedBlocks: 0 }),
);

test(
  "reap - keeps what a worker left allocated that has closed the pool",
  withPoolAsync(async (pool) => {
    const worker = await spawnVictim(pool);
    const offsets = await worker.order<number[]>({ ask: "take", sizes: SIZES });
    await worker.order({ ask: "close" });
    await worker.die();
    assertEquals(pool.reap(), 0);
    assertEquals(pool.stats().allocatedBlocks, 13);
    for (const offset of offsets) pool.freeOffset(offset);
    assertOneFreeRun(pool);
  }),
);

test(
  "reap - takes back blocks of several dead workers, which are adjacent",
  withPoolAsync(async (pool) => {
    const workers = await Promise.all(Array.from({ length: 4 }, () => spawnVictim(pool)));
    for (let round = 0; round < 3; round++) {
      for (const { order } of workers) await order({ ask: "take", sizes: [64, 128] });
    }
    for (const { die } of workers) await die();
    const { allocatedBlocks, cachedBlocks } = pool.stats();
    assertEquals(allocatedBlocks, 4 * 3 * 3);
    assertEquals(pool.reap(), allocatedBlocks + cachedBlocks);
    assertOneFreeRun(pool);
  }),
);

test(
  "exhaustion - takes back what a dead worker has cached, also a block without an entry in its cache",
  withPoolAsync(async (pool) => {
    const worker = await spawnVictim(pool);
    const [offset = -1] = await worker.order<number[]>({ ask: "take", sizes: [64] });
    await worker.order({ ask: "free", offset });
    await worker.die();
    // As if the worker had died between the two stores of a free.
    const { region: { counters, header, slots, table } } = insideOf(pool);
    const slot = [...Array(slots.used).keys()].find((slot) => !openNative().alive(slots.thread(slot)));
    header[slotWord(slot!) + SLOT_TOP]!--;
    counters[slotWord(slot!) / 2 + SLOT_GIVEN]!--;
    assertEquals(stateOf(table.tag(offset / 64)), CACHED);

    const blocks = Array.from({ length: 64 }, () => present(pool.alloc(64)));
    assertEquals(pool.alloc(64), null);
    assertEquals(pool.stats().workers, 2, "the slot is kept for reap");
    pool.freeMany(blocks);
    pool.reap();
    assertOneFreeRun(pool);
  }, { cachedBlocks: 8, checked: false }),
);

test("attach - frees the slots of dead workers if no other slot is free; reap still takes back what they held", () => {
  for (const kind of kindsOf({})) {
    inKind(kind, () => {
      const pool = makePool(kind);
      const { handle } = pool;
      const { region: { slots, table } } = insideOf(pool);
      const offset = pool.allocOffset(64);
      const run = pool.allocOffset(200);
      mark(pool.at(run), 1);
      pool.close();
      // No thread has the number 1.
      for (let slot = 0; slot < SLOT_COUNT; slot++) slots.take(9000 + slot, 1);
      for (const block of [offset / 64, run / 64]) table.adopt(block, 9001);

      const joined = MemPool.attach(handle);
      assertEquals([stateOf(table.tag(offset / 64)), workerOf(table.tag(run / 64))], [ALLOCATED, ORPHAN]);
      assertEquals(joined.stats().workers, 1, "the slots of all dead workers are free again");
      assertEquals(joined.reap(), 1 + 4);
      assertOneFreeRun(joined);
      joined.destroy();
    });
  }
});

test(
  "reap - keeps a block whose owner is neither a living nor a dead worker",
  withPool((pool) => {
    const { region: { table } } = insideOf(pool);
    const offset = pool.allocOffset(64);
    table.set(offset / 64, TAG, makeTag(ALLOCATED, 12345));
    assertEquals(pool.reap(), 0);
    pool.freeOffset(offset);
  }),
);
