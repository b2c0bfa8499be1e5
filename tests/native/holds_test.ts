/** A worker that ends without a close keeps no part of a destroyed pool. */

import { assert, assertEquals } from "@std/assert";
import { MEGABYTE, MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { test } from "../support/harness.ts";
import { type NativeWorker, spawnNativeWorker } from "../support/native.ts";
import { present } from "../support/pool.ts";

/** A size that no other test uses, so that the ranges of other pools do not matter. */
const size = 7 * MEGABYTE;

/** The number of a pool's range in the registry. A pool that reuses the range gets the same number. */
function rangeOf({ handle }: MemPool): number {
  const native = openNative();
  const number = native.open(handle.id);
  native.mapping(number).close();
  return number;
}

/** QUARANTINE in native/ranges.c: a range is reused only if more ranges than this are at rest. */
const resting = 8;
const rounds = resting + 4;

type Ending = (worker: NativeWorker, pool: MemPool) => Promise<void>;

const endings: Record<string, Ending> = {
  "is terminated, then the pool is destroyed": async (worker, pool) => {
    await worker.terminate();
    pool.destroy();
  },
  "ends itself, then the pool is destroyed": async (worker, pool) => {
    await worker.end();
    pool.destroy();
  },
  "is terminated after the pool was destroyed": async (worker, pool) => {
    pool.destroy();
    await worker.terminate();
  },
};

for (const [what, ending] of Object.entries(endings)) {
  test(`holds - a worker attaches and ${what}: the range is reused`, async () => {
    const ranges = new Set<number>();
    for (let round = 0; round < rounds; round++) {
      const pool = MemPool.init(size, 64);
      const worker = await spawnNativeWorker();
      await worker.order({ ask: "attach", handle: pool.handle });
      ranges.add(rangeOf(pool));
      await ending(worker, pool);
    }
    assert(ranges.size <= resting + 1, `${ranges.size} ranges for ${rounds} pools`);
  });
}

test("holds - a running worker keeps the range of a destroyed pool in use after another has ended", async () => {
  const [ends, stays] = await Promise.all([spawnNativeWorker(), spawnNativeWorker()]);
  const pool = MemPool.init(size, 64);
  for (const worker of [ends, stays]) await worker.order({ ask: "attach", handle: pool.handle });
  const kept = rangeOf(pool);
  await ends.terminate();
  pool.destroy();
  for (let round = 0; round < rounds; round++) {
    using other = MemPool.init(size, 64);
    assert(rangeOf(other) !== kept, "the range is in use");
  }
  await stays.terminate();
});

test("holds - a pool outlives the worker that created it", async () => {
  const maker = await spawnNativeWorker();
  const handle = await maker.order<MemPoolHandle>({ ask: "init" });
  await maker.terminate();
  MemPool.init(size, 64).destroy();
  const pool = MemPool.attach(handle);
  assertEquals(present(pool.calloc(1, 1024)).byteLength, 1024);
  pool.destroy();
});
