/**
 * The worker of churn_test.ts: allocates and frees at random in a pool that is too small for all of its workers, so
 * that caches are refilled, flushed and recalled all the time. It fills each block with a cookie of its own and checks
 * it before the free.
 */

import { MemPool, type MemPoolHandle } from "mempool";
import { sequenceFrom } from "../support/sequence.ts";
import { answer } from "../support/workers.ts";

export interface ChurnOrder {
  readonly handle: MemPoolHandle;
  /** The number of this worker, from 1. */
  readonly worker: number;
  readonly seed: number;
  readonly rounds: number;
  /** The largest number of blocks in one allocation. */
  readonly longest: number;
  /** How many allocations the worker tries to hold. */
  readonly target: number;
  /** Counts the workers that are ready. All start together, because otherwise they would run one after another. */
  readonly gate: Int32Array;
  readonly workers: number;
}

export interface ChurnReport {
  readonly allocated: number;
  readonly exhausted: number;
  /** The first block that contained another cookie, or "". */
  readonly broken: string;
}

interface Held {
  readonly offset: number;
  readonly words: number;
  readonly cookie: number;
}

answer(({ handle, worker, seed, rounds, longest, target, gate, workers }: ChurnOrder): ChurnReport => {
  const pool = MemPool.attach(handle);
  const data = new Int32Array(pool.buffer);
  const held: Held[] = [];
  const random = sequenceFrom(seed);
  let allocated = 0;
  let exhausted = 0;

  function allocate(round: number): void {
    const bytes = 4 * (1 + random((pool.blockSize / 4) * (1 + random(longest))));
    const offset = pool.allocOffset(bytes);
    if (offset < 0) {
      exhausted++;
      return;
    }
    const cookie = worker * 0x1000000 + (round & 0xffffff);
    data.fill(cookie, offset / 4, (offset + bytes) / 4);
    held.push({ offset, words: bytes / 4, cookie });
    allocated++;
  }

  function release(): string {
    const place = random(held.length);
    const { offset, words, cookie } = held[place]!;
    held[place] = held.at(-1)!;
    held.pop();
    for (let word = offset / 4; word < offset / 4 + words; word++) {
      if (data[word] !== cookie) {
        return `worker ${worker}: byte ${4 * word} in its block at offset ${offset} holds ${
          data[word]
        } instead of ${cookie}`;
      }
    }
    pool.freeOffset(offset);
    return "";
  }

  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 0) < workers);

  let broken = "";
  for (let round = 0; round < rounds && broken === ""; round++) {
    if (held.length === 0 || random(target * 2) >= held.length) allocate(round);
    else broken = release();
  }
  while (held.length > 0 && broken === "") broken = release();
  pool.close();
  return { allocated, exhausted, broken };
});
