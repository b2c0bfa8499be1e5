/** A user's program on a Node that is too old: it can import everything, and the first call for a pool is refused. */

import { MemPool } from "mempool";
import { mapAsText } from "mempool/inspect";

/** What was recorded of a pool elsewhere can be drawn. */
const stats = { size: 128, blockSize: 64, blockCount: 2, allocatedBlocks: 2, cachedBlocks: 0, freeBlocks: 0 };
const recorded = {
  blocks: () => [{ offset: 0, byteLength: 128, state: "allocated", owner: 1 }],
  stats: () => ({ ...stats, largestFreeRun: 0, fragmentation: 0 }),
};
console.log(mapAsText(recorded, { colours: false }).split("\n").find((line) => line.startsWith("0 bytes")));
try {
  MemPool.init(1024, 64);
} catch (error) {
  console.log(error.code);
}
