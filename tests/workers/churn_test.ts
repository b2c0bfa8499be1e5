/**
 * Models workers that compete for the last blocks of an exhausted pool: what one has cached, others recall, all the
 * time. Each worker fills its blocks with a cookie, so a block that two workers hold at once loses one of the cookies.
 *
 * How to read a failure: "worker 2: byte 640 in its block at offset 640 holds 16777300 instead of 33554437" gives the
 * number of the other worker as well: a cookie is 2^24 times the worker's number plus a round, here worker 1. A wrong
 * sum in the statistics at the end is a block that was lost or counted twice.
 */

import { assert, assertEquals } from "@std/assert";
import { MemPool } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { HAS_BARRIER, PLAIN_CLAIMS } from "../../src/region/layout.ts";
import { effort } from "../support/effort.ts";
import { test, withWorkers } from "../support/harness.ts";
import { withoutBarrier } from "../support/pool.ts";
import { withSeed } from "../support/random.ts";
import type { ChurnOrder, ChurnReport } from "./_churn_worker.ts";

const BLOCK = 64;

interface Contest {
  readonly workers: number;
  readonly blocks: number;
  readonly cachedBlocks: number;
  /** The largest number of blocks in one allocation. */
  readonly longest: number;
  /** Allocations and frees of each worker. */
  readonly rounds: number;
  /** Whether workers may claim cached blocks by plain stores. */
  readonly plainClaims: boolean;
}

/** Lets the workers compete, and checks that no block was lost. */
async function compete(
  { workers, blocks, cachedBlocks, longest, rounds, plainClaims }: Contest,
  seed: number,
): Promise<void> {
  using pool = MemPool.init(blocks * BLOCK, BLOCK, { cachedBlocks });
  const { lock, region: { header } } = Attachment.open(pool.handle);
  if (!plainClaims) withoutBarrier(header);
  const runs = blocks / ((1 + longest) / 2);
  // The first worker alone wants more than the pool has, so the pool is exhausted even if the workers hardly overlap.
  const targetOf = (place: number): number => Math.ceil(place === 0 ? 2 * runs : 1.5 * runs / workers);
  await withWorkers(new URL("./_churn_worker.ts", import.meta.url), workers, async (team) => {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    let done = !plainClaims;
    const replies = Promise.all(team.map((worker, place) => {
      const order: ChurnOrder = {
        handle: pool.handle,
        worker: place + 1,
        seed: seed + place,
        rounds,
        longest,
        target: targetOf(place),
        gate,
        workers,
      };
      return worker.call<ChurnReport>(order);
    })).finally(() => done = true);
    // A pool that stays exhausted never returns to plain claims by itself. Here it does, so both kinds of claims occur.
    while (!done) {
      lock.inspect("allow plain claims", () => header[PLAIN_CLAIMS] = header[HAS_BARRIER]!);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const reports = await replies;
    assertEquals(reports.map((report) => report.broken).filter((broken) => broken !== ""), []);
    assert(reports.some((report) => report.exhausted > 0), "the pool was never exhausted: the test tests nothing");
    pool.check();
    const stats = pool.stats();
    assertEquals(stats.allocs, reports.reduce((sum, report) => sum + report.allocated, 0));
    assertEquals(stats.frees, stats.allocs);
    assertEquals([stats.allocatedBlocks, stats.workers, stats.largestFreeRun], [0, 1, blocks]);
  });
}

const SITUATIONS: Readonly<Record<string, Omit<Contest, "plainClaims">>> = {
  "two workers, single blocks": {
    workers: 2,
    blocks: 64,
    cachedBlocks: 16,
    longest: 1,
    rounds: effort(30_000, 300_000),
  },
  "four workers, caches as large as the pool": {
    workers: 4,
    blocks: 48,
    cachedBlocks: 48,
    longest: 1,
    rounds: effort(10_000, 100_000),
  },
  "four workers, runs of up to four blocks": {
    workers: 4,
    blocks: 256,
    cachedBlocks: 32,
    longest: 4,
    rounds: effort(10_000, 100_000),
  },
};

for (const plainClaims of [true, false]) {
  for (const [name, situation] of Object.entries(SITUATIONS)) {
    const how = plainClaims ? "claims by plain stores when allowed" : "claims by exchange";
    test(`churn - ${name}, ${how}`, () => withSeed((seed) => compete({ ...situation, plainClaims }, seed)));
  }
}
