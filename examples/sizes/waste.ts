/**
 * Shows how much memory some samples of sizes waste, by block size. Replace the samples by your own. For each block
 * size it prints two percentages: the part of the memory, with 16 bytes of metadata for each block, that no request
 * asked for, and the part of the requests that need more than one block.
 *
 *     deno run --allow-ffi examples/sizes/waste.ts
 *     bun examples/sizes/waste.ts
 */

import { GIGABYTE, MemPool } from "../../mod.ts";

let seed = 1;
const random = (): number => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) / 2 ** 32;
const programs: Record<string, () => number> = {
  "always 200": () => 200,
  "150 to 250": () => 150 + Math.trunc(101 * random()),
  "1 to 256": () => 1 + Math.trunc(256 * random()),
  "64, a tenth 1000": () => random() < 0.9 ? 64 : 1000,
  "a long tail": () => Math.min(4000, Math.ceil(40 / (1 - random()))), // half are under 80
};
const percent = (part: number): string => String(Math.round(100 * part)).padStart(3);

const blockSizes = [64, 128, 208, 256, 1008];
console.log(["in blocks of    ", ...blockSizes.map((blockSize) => String(blockSize).padEnd(7))].join(" ").trimEnd());
for (const [name, nextSize] of Object.entries(programs)) {
  const sizes = Array.from({ length: 10_000 }, nextSize);
  const cells = blockSizes.map((blockSize) => {
    using pool = MemPool.init(GIGABYTE, blockSize);
    for (const size of sizes) pool.allocOffset(size);
    const { allocatedBlocks, requestedBytes } = pool.stats();
    const waste = 1 - requestedBytes / (allocatedBlocks * (blockSize + 16));
    return `${percent(waste)}/${percent(sizes.filter((size) => size > blockSize).length / sizes.length)}`;
  });
  console.log(name.padEnd(16), ...cells);
}
