/**
 * A program that a watcher evaluates again after each save: opens or makes a pool, touches 16 MiB of it, and prints what
 * the process and the pool have then. The test writes the number of the save into it.
 */

import process from "node:process";
import { MemPool } from "mempool";
import { footprint } from "../support/footprint.ts";

export interface Report {
  readonly save: number;
  readonly memory: number;
  readonly mappings: number;
  readonly workers: number;
  readonly allocatedBlocks: number;
}

const SAVE = 0;
const BLOCK = 65_536;

const pool = process.argv.at(-1) === "open"
  ? MemPool.open("reloaded", 64 * 2 ** 20, BLOCK)
  : MemPool.init(64 * 2 ** 20, BLOCK);
for (let touched = 0; touched < 2 ** 24; touched += BLOCK) new Uint8Array(pool.alloc(BLOCK)!).fill(SAVE);

function report(): void {
  // Garbage is no leak. Bun leaves the modules of earlier evaluations for the next collection.
  if ("Bun" in globalThis) (globalThis as unknown as { Bun: { gc(force: boolean): void } }).Bun.gc(true);
  const { memory, mappings } = footprint()!;
  const { workers, allocatedBlocks } = pool.stats();
  console.log(JSON.stringify({ save: SAVE, memory, mappings, workers, allocatedBlocks } satisfies Report));
}

// Deno's watcher misses a save that comes at once after the start. The test saves again when it has the report.
setTimeout(report, 150);
// Keeps the process alive. A timer of each evaluation would keep the modules of all of them in memory, under `bun --hot`.
const kept = globalThis as { timer?: unknown };
kept.timer ??= setInterval(() => {}, 1000);
