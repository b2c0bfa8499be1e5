/** Workers that fight for the last blocks: what is cached here is recalled there, and no block is ever in two hands. */

import { assert, assertEquals } from "@std/assert";
import { MemPool } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { HAS_BARRIER, PLAIN_CLAIMS } from "../../src/region/layout.ts";
import type { ChurnOrder, ChurnReport } from "./_churn_worker.ts";
import { test, withWorkers } from "../support/harness.ts";
import { withoutBarrier } from "../support/pool.ts";

const BLOCK = 64;
const SEED = 20261122;

interface Fight {
  readonly workers: number;
  readonly blocks: number;
  readonly cachedBlocks: number;
  readonly longest: number;
  readonly rounds: number;
  readonly plainClaims: boolean;
}

async function fight({ workers, blocks, cachedBlocks, longest, rounds, plainClaims }: Fight): Promise<void> {
  using pool = MemPool.init(blocks * BLOCK, BLOCK, { cachedBlocks });
  const { lock, region: { header } } = Attachment.open(pool.handle);
  if (!plainClaims) withoutBarrier(header);
  const target = Math.ceil((blocks / workers / ((1 + longest) / 2)) * 1.5);
  await withWorkers(new URL("./_churn_worker.ts", import.meta.url), workers, async (crew) => {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    let done = !plainClaims;
    const replies = Promise.all(crew.map((worker, place) => {
      const order: ChurnOrder = {
        handle: pool.handle,
        worker: place + 1,
        seed: SEED + place,
        rounds,
        longest,
        target,
        gate,
        workers,
      };
      return worker.call<ChurnReport>(order);
    })).finally(() => done = true);
    // A pool that stays exhausted stays with exchanges: so that both ways and the change between them are fought over.
    while (!done) {
      lock.inspect("change how workers claim", () => header[PLAIN_CLAIMS] = header[HAS_BARRIER]!);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const reports = await replies;
    assertEquals(reports.map((report) => report.broken).filter((broken) => broken !== ""), [], `seed ${SEED}`);
    assert(reports.some((report) => report.exhausted > 0), "nobody was ever exhausted: the test tests nothing");
    pool.check();
    const stats = pool.stats();
    assertEquals(stats.allocs, reports.reduce((sum, report) => sum + report.allocated, 0));
    assertEquals(stats.frees, stats.allocs);
    assertEquals([stats.allocatedBlocks, stats.workers, stats.largestFreeRun], [0, 1, blocks]);
  });
}

for (const plainClaims of [true, false]) {
  const how = plainClaims ? "claims by plain stores when they may" : "claims by exchange";

  test(`churn - two workers, single blocks, ${how}`, () =>
    fight({ workers: 2, blocks: 64, cachedBlocks: 16, longest: 1, rounds: 300_000, plainClaims }));

  test(`churn - four workers, caches as large as the pool, ${how}`, () =>
    fight({ workers: 4, blocks: 48, cachedBlocks: 48, longest: 1, rounds: 100_000, plainClaims }));

  test(`churn - four workers, runs of up to four blocks, ${how}`, () =>
    fight({ workers: 4, blocks: 256, cachedBlocks: 32, longest: 4, rounds: 100_000, plainClaims }));
}
