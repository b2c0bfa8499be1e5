/** The witness of termination_test.ts: takes the lock again and again, and measures its longest call. */

import { MemPool, type MemPoolHandle } from "mempool";
import { answer } from "../support/workers.ts";

export interface WitnessOrder {
  readonly handle: MemPoolHandle;
  /** Word 0 is not 0 when the witness is to stop. */
  readonly words: SharedArrayBuffer;
}

export interface WitnessReport {
  readonly calls: number;
  /** The longest call, in milliseconds. */
  readonly longest: number;
}

answer(({ handle, words }: WitnessOrder): WitnessReport => {
  const pool = MemPool.attach(handle);
  const stop = new Int32Array(words);
  let calls = 0;
  let longest = 0;
  for (let before = performance.now(); Atomics.load(stop, 0) === 0; calls++) {
    pool.freeOffset(pool.allocOffset(2 * pool.blockSize));
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
  }
  pool.close();
  return { calls, longest };
});
