/**
 * The worker of sole_test.ts: allocates and frees single blocks as fast as it can, shows each to whoever wants to free it too,
 * and notices when it is the pool's only worker.
 */

import { MemPool, type MemPoolHandle } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { BIAS_TAG, CACHED, HOLDER } from "../../src/region/layout.ts";
import { makeTag } from "../../src/region/block_table.ts";
import { winsFree } from "./_bias.ts";
import { answer } from "../support/workers.ts";

export interface SoleOrder {
  readonly handle: MemPoolHandle;
  /** One more than the offset of each block that it holds, 0 for none. */
  readonly shown: Int32Array;
  /** Of rounds in which it was the only worker. */
  readonly rounds: Int32Array;
  /** Not 0 when it has done enough. */
  readonly stop: Int32Array;
}

export interface SoleReport {
  readonly allocated: number;
  readonly freed: number;
}

answer(({ handle, shown, rounds, stop }: SoleOrder): SoleReport => {
  using pool = MemPool.attach(handle);
  const { lock, region: { header } } = Attachment.open(handle);
  const tag = makeTag(CACHED, lock.inspect("ask who this is", () => header[HOLDER]!));
  let allocated = 0;
  let freed = 0;
  while (Atomics.load(stop, 0) === 0) {
    // More than it has cached: so that the cache is filled anew, where it becomes the only worker.
    for (let place = 0; place < shown.length; place++) {
      const offset = pool.allocOffset(1);
      allocated++;
      Atomics.store(shown, place, offset + 1);
    }
    if (Atomics.load(header, BIAS_TAG) === tag) Atomics.add(rounds, 0, 1);
    for (let place = 0; place < shown.length; place++) {
      if (winsFree(pool, Atomics.load(shown, place) - 1)) freed++;
    }
  }
  return { allocated, freed };
});
