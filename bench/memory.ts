/**
 * What a pool costs beside its blocks. Metadata for a block: by how much resident memory grows when all blocks of a pool
 * are allocated, half of them being counted, and none is touched. Kept buffers: how many of many freed ArrayBuffers the pool still holds after a
 * collection; `cachedBuffers` is the bound.
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
  // A descriptor has whole bytes; what is over is the engine's.
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

/** The offset tier makes no objects, so that what grows is the pool's own. */
function metadataPerBlock(): number {
  using pool = MemPool.init(BLOCKS * BLOCK, BLOCK);
  allocate(pool, BLOCKS / 4); // lets the engine compile, and take what memory it needs
  collectGarbage();
  const before = process.memoryUsage.rss();
  allocate(pool, BLOCKS / 2);
  collectGarbage();
  return (process.memoryUsage.rss() - before) / (BLOCKS / 2);
}

function allocate(pool: MemPool, count: number): void {
  for (let i = 0; i < count; i++) pool.allocOffset(BLOCK);
}

/** A collector that takes what is left on the stack for references may keep more than the pool does. */
async function leastKept(count: number): Promise<number> {
  const tries = [await countKept(count), await countKept(count), await countKept(count)];
  return Math.min(...tries);
}

async function countKept(count: number): Promise<number> {
  using pool = MemPool.init(count * 256, 256, { cachedBuffers: CACHED_BUFFERS });
  const buffers = allocateAndFree(pool, count);
  await sleep(1); // what a WeakRef was made of lives on until the turn ends
  collectGarbage();
  return buffers.filter((buffer) => buffer.deref() !== undefined).length;
}

function allocateAndFree(pool: MemPool, count: number): WeakRef<ArrayBuffer>[] {
  const blocks = Array.from({ length: count }, () => pool.alloc(200)!);
  for (const block of blocks) pool.free(block);
  return blocks.map((block) => new WeakRef(block));
}
