/** A worker of bench/full.ts: allocates and frees blocks at random, in a pool that may be exhausted. */

import { MemPool, type MemPoolHandle } from "../mod.ts";
import { answer } from "../tests/support/workers.ts";
import { untilStopped } from "./_workers_load.ts";

export interface FullJob {
  readonly handle: MemPoolHandle;
  readonly control: Int32Array;
  readonly places: number;
  readonly seed: number;
}

export interface FullDone {
  readonly operations: number;
  readonly milliseconds: number;
  /** How often the pool was exhausted. */
  readonly refused: number;
}

const BYTES = 200;

answer(({ handle, control, places, seed: start }: FullJob): FullDone => {
  using pool = MemPool.attach(handle);
  const blocks: number[] = new Array(places).fill(-1);
  let seed = start;
  let refused = 0;
  const toggle = (): void => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    const at = Math.trunc((seed >>> 0) * (places / 2 ** 32));
    if (blocks[at] === -1) {
      blocks[at] = pool.allocOffset(BYTES);
      if (blocks[at] === -1) refused++;
    } else {
      pool.freeOffset(blocks[at]!);
      blocks[at] = -1;
    }
  };
  for (let i = 0; i < 4 * places; i++) toggle();
  const done = untilStopped(control, () => {
    for (let i = 0; i < 100; i++) toggle();
    return 100;
  });
  for (const offset of blocks) if (offset !== -1) pool.freeOffset(offset);
  return { ...done, refused };
});
