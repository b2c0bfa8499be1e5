/**
 * Measures the replacement of a random one of 1,024 live blocks, with sizes that fit in one block and sizes that do
 * not, and without the caches.
 *
 *     deno run --allow-ffi examples/sizes/replacing.ts
 *     bun examples/sizes/replacing.ts
 */

import { MemPool, type MemPoolOptions } from "../../mod.ts";

/** Prints the nanoseconds of one replacement, from the best of 30 rounds, which other programs have disturbed least. */
function measure(what: string, lengthOf: (step: number) => number, options?: MemPoolOptions): void {
  using pool = MemPool.init(2 ** 24, 256, options);
  const live = Array.from({ length: 1024 }, () => pool.alloc(200)!);
  let best = Infinity;
  for (let round = 0, random = 1; round < 30; round++) {
    const start = performance.now();
    for (let step = 0; step < 10_000; step++) {
      random = Math.imul(random, 1664525) + 1013904223 | 0;
      pool.free(live[random >>> 22]!);
      live[random >>> 22] = pool.alloc(lengthOf(step))!;
    }
    best = Math.min(best, performance.now() - start);
  }
  console.log(what, Math.round(best * 100), "ns");
}

measure("one block", () => 200);
measure("two blocks", () => 300);
measure("four blocks", () => 1000);
measure("one block, any length", (step) => 1 + step % 256);
measure("one block, no worker caches", () => 200, { cachedBlocks: 0 });
measure("one block, no kept buffers", () => 200, { cachedBuffers: 0 });
