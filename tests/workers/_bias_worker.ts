/**
 * The worker of bias_test.ts: allocates and frees single blocks as fast as it can, publishes their offsets so that
 * another worker tries to free them too, and counts the rounds in which the pool is biased towards it.
 */

import { MemPool, type MemPoolHandle } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { BIAS_TAG, CACHED, HOLDER } from "../../src/region/layout.ts";
import { makeTag } from "../../src/region/block_table.ts";
import { winsFree } from "./_bias.ts";
import { answer } from "../support/workers.ts";

export interface BiasOrder {
  readonly handle: MemPoolHandle;
  /** For each block that the worker holds, its offset plus 1; or 0. */
  readonly published: Int32Array;
  /** How many rounds the worker was biased. */
  readonly rounds: Int32Array;
  /** Not 0 if the worker is to stop. */
  readonly stop: Int32Array;
}

export interface BiasReport {
  readonly allocated: number;
  readonly freed: number;
}

answer(({ handle, published, rounds, stop }: BiasOrder): BiasReport => {
  using pool = MemPool.attach(handle);
  const { lock, region: { header } } = Attachment.open(handle);
  const number = lock.inspect("read this worker's number", () => header[HOLDER]!);
  const tag = makeTag(CACHED, number);
  let allocated = 0;
  let freed = 0;
  while (Atomics.load(stop, 0) === 0) {
    // More blocks than it has cached, because a worker becomes biased when its cache is refilled.
    for (let place = 0; place < published.length; place++) {
      const offset = pool.allocOffset(1);
      allocated++;
      Atomics.store(published, place, offset + 1);
    }
    if (Atomics.load(header, BIAS_TAG) === tag) Atomics.add(rounds, 0, 1);
    for (let place = 0; place < published.length; place++) {
      if (winsFree(pool, Atomics.load(published, place) - 1)) freed++;
    }
  }
  return { allocated, freed };
});
