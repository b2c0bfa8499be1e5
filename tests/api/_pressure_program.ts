/**
 * The program of pressure_test.ts. It prints one line of JSON: how many bytes of ArrayBuffers the engine counts for a
 * pool after a collection, by what was done with the pool.
 */

import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { MemPool } from "mempool";
import { onBun } from "../../scripts/_project.ts";
import { collectGarbage } from "../support/garbage.ts";

const BLOCK = 65_536;
const COUNT = 2048;
/** An engine may keep buffers of one try for long, because a word on the stack looks like a pointer to them. */
const TRIES = 3;

const CASES = {
  freed: useAll,
  freedMany: (pool: MemPool) => {
    pool.freeMany(Array.from({ length: COUNT }, () => pool.alloc(BLOCK)!));
  },
  freedRuns: (pool: MemPool) => {
    const runs = Array.from({ length: COUNT / 16 }, () => pool.alloc(16 * BLOCK)!);
    for (const run of runs) pool.free(run);
  },
  trimmed: (pool: MemPool) => {
    useAll(pool);
    pool.trim();
  },
  closed: (pool: MemPool) => {
    useAll(pool);
    readWhole(pool);
    pool.close();
  },
  destroyed: (pool: MemPool) => {
    useAll(pool);
    readWhole(pool);
    pool.destroy();
  },
  whole: readWhole,
  wholeTrimmed: (pool: MemPool) => {
    readWhole(pool);
    pool.trim();
  },
};

export type PressureReport = Readonly<Record<keyof typeof CASES, number>>;

function useAll(pool: MemPool): void {
  const blocks = Array.from({ length: COUNT }, () => pool.alloc(BLOCK)!);
  for (const block of blocks) pool.free(block);
}

function readWhole(pool: MemPool): void {
  pool.buffer;
}

async function leastCounted(use: (pool: MemPool) => void): Promise<number> {
  const counts: number[] = [];
  for (let round = 0; round < TRIES; round++) {
    const pool = MemPool.init(BLOCK * COUNT, BLOCK);
    use(pool);
    counts.push(await countBytes() - start);
    pool.destroy(); // so that the pool object was alive until now
  }
  return Math.min(...counts);
}

/** Bytes of ArrayBuffers. JavaScriptCore counts them with everything else that lies outside its heap. */
async function countBytes(): Promise<number> {
  for (let round = 0; round < 2; round++) {
    await sleep(1); // ends the turn, which may keep objects alive
    collectGarbage();
  }
  if (!onBun) return process.memoryUsage().external;
  const { heapStats } = process.getBuiltinModule("bun:jsc" as never) as { heapStats(): { extraMemorySize: number } };
  return heapStats().extraMemorySize;
}

const start = await countBytes();
const report: Record<string, number> = {};
for (const [name, use] of Object.entries(CASES)) report[name] = await leastCounted(use);
console.log(JSON.stringify(report));
