/**
 * The memory of a pool beside its blocks.
 *
 * - Metadata for a block: the growth of resident memory while blocks of a pool are allocated and not touched.
 * - Kept buffers: the number of freed ArrayBuffers that the pool still holds after a garbage collection.
 *   `cachedBuffers` is the limit.
 */

import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { MemPool } from "../mod.ts";
import { collectGarbage, median } from "./_measure.ts";
import type { GroupResult, Row, Settings } from "./_types.ts";

const BLOCK = 16;
const BLOCKS = 8 * 2 ** 20;
const CACHED_BUFFERS = 10_000;

export async function run(settings: Settings): Promise<GroupResult> {
  const kept = await leastKept(settings.quick ? 2 * CACHED_BUFFERS : 10 * CACHED_BUFFERS);
  // A descriptor has a whole number of bytes; the fraction belongs to the engine.
  const metadata = Math.round(median(Array.from({ length: settings.quick ? 1 : 5 }, metadataPerBlock)));
  const rows: Row[] = [
    { name: `ArrayBuffers kept, cachedBuffers being ${CACHED_BUFFERS}`, unit: "buffers", mean: kept },
    { name: "metadata for a block", unit: "bytes", mean: metadata },
  ];
  return {
    tables: [{ title: "Memory beside the blocks", rows }],
    measured: { "memory.kept": kept / CACHED_BUFFERS, "memory.metadata": metadata },
  };
}

/** Uses offsets, which need no objects, so that only the pool's own memory grows. */
function metadataPerBlock(): number {
  using pool = MemPool.init(BLOCKS * BLOCK, BLOCK);
  allocate(pool, BLOCKS / 4); // lets the engine compile, and allocate memory for itself
  collectGarbage();
  const before = process.memoryUsage.rss();
  allocate(pool, BLOCKS / 2);
  collectGarbage();
  return (process.memoryUsage.rss() - before) / (BLOCKS / 2);
}

function allocate(pool: MemPool, count: number): void {
  for (let i = 0; i < count; i++) pool.allocOffset(BLOCK);
}

/** Takes the least of three, because a conservative collector may keep more buffers than the pool does. */
async function leastKept(count: number): Promise<number> {
  const tries = [await countKept(count), await countKept(count), await countKept(count)];
  return Math.min(...tries);
}

async function countKept(count: number): Promise<number> {
  using pool = MemPool.init(count * 256, 256, { cachedBuffers: CACHED_BUFFERS });
  const buffers = allocateAndFree(pool, count);
  await sleep(1); // the target of a new WeakRef stays alive until the turn of the event loop ends
  collectGarbage();
  return buffers.filter((buffer) => buffer.deref() !== undefined).length;
}

function allocateAndFree(pool: MemPool, count: number): WeakRef<ArrayBuffer>[] {
  const blocks = Array.from({ length: count }, () => pool.alloc(200)!);
  for (const block of blocks) pool.free(block);
  return blocks.map((block) => new WeakRef(block));
}
