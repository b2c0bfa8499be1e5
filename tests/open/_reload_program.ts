/**
 * A program that a watcher evaluates again after each save: opens or makes a pool, touches 16 MiB of it, and prints what
 * the process and the pool have then. The test writes the number of the save into it. A checked pool must hand out zeros.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { MemPool } from "mempool";
import { footprint } from "../support/footprint.ts";

export interface Report {
  readonly save: number;
  readonly memory: number;
  readonly mappings: number;
  /** Mappings as long as the pool's data. */
  readonly regions: number;
  /** Mappings of the native library. */
  readonly libraries: number;
  readonly workers: number;
  readonly allocatedBlocks: number;
  /** Blocks of a checked pool that were not zero when they were handed out. */
  readonly dirty: number;
  /** What the library has printed. */
  readonly warnings: number;
}

/** How the program gets its pool. */
export type How = "open" | "init" | "open checked";

const SAVE = 0;
const BLOCK = 65_536;
/** No power of two, so that nothing else in the process has a mapping of this length. */
const SIZE = 1001 * BLOCK;

let [dirty, warnings] = [0, 0];
console.warn = () => warnings++;

const how = process.argv.at(-1) as How;
const checked = how === "open checked";
const pool = how === "init" ? MemPool.init(SIZE, BLOCK) : MemPool.open("reloaded", SIZE, BLOCK, { checked });
for (let touched = 0; touched < 2 ** 24; touched += BLOCK) {
  const bytes = new Uint8Array(pool.alloc(BLOCK)!);
  if (checked && bytes.some((byte) => byte !== 0)) dirty++;
  bytes.fill(SAVE);
}

function report(): void {
  // Garbage is no leak. Bun leaves the modules of earlier evaluations for the next collection.
  if ("Bun" in globalThis) (globalThis as unknown as { Bun: { gc(force: boolean): void } }).Bun.gc(true);
  const { memory, mappings } = footprint()!;
  const { workers, allocatedBlocks } = pool.stats();
  const mapped = readFileSync("/proc/self/maps", "utf8").trimEnd().split("\n");
  const regions = mapped.filter((line) => lengthOf(line) === SIZE).length;
  const libraries = mapped.filter((line) => line.includes("mempool")).length;
  const seen = { save: SAVE, memory, mappings, regions, libraries, workers, allocatedBlocks, dirty, warnings };
  console.log(JSON.stringify(seen satisfies Report));
}

/** The bytes of a mapping, whose line starts with its first and last address. */
function lengthOf(mapping: string): number {
  const [start, end] = mapping.split(/[- ]/, 2).map((address) => Number.parseInt(address, 16));
  return end! - start!;
}

// Deno's watcher misses a save that comes at once after the start. The test saves again when it has the report.
setTimeout(report, 150);
// Keeps the process alive. A timer of each evaluation would keep the modules of all of them in memory, under `bun --hot`.
const kept = globalThis as { timer?: unknown };
kept.timer ??= setInterval(() => {}, 1000);
