/** Prints the resident memory of a pool before it is used, when it is full, and after trim; then trims a scattered pool. */

import process from "node:process";
import { MEGABYTE, MemPool } from "../../mod.ts";
import { footprint } from "../support/footprint.ts";

export interface TrimReport {
  readonly untouched: number;
  readonly filled: number;
  readonly trimmed: number;
  readonly returned: number;
  readonly returnedAgain: number;
  /** A pool of 4 MiB in which every 64th block stays allocated. */
  readonly scattered: { readonly returned: number; readonly zeros: boolean; readonly kept: boolean };
}

/** The size of the pool, in bytes. */
const SIZE = Number(process.argv[2]);

const memory = (): number => footprint()!.memory;

/** Fills a pool with blocks of this size and frees them. Returns the resident memory of the full pool. */
function fill(pool: MemPool, bytes: number): number {
  const data = new Uint8Array(pool.buffer);
  for (let offset = pool.allocOffset(bytes); offset >= 0; offset = pool.allocOffset(bytes)) {
    data.fill(1, offset, offset + bytes);
  }
  const filled = memory();
  for (let offset = 0; offset < pool.size; offset += bytes) pool.freeOffset(offset);
  return filled;
}

function scattered(): TrimReport["scattered"] {
  using pool = MemPool.init(4 * MEGABYTE, 1024);
  const data = new Uint8Array(pool.buffer);
  const offsets = Array.from({ length: pool.blockCount }, () => pool.allocOffset(1024));
  data.fill(7);
  const kept = offsets.filter((_, place) => place % 64 === 0);
  for (const [place, offset] of offsets.entries()) if (place % 64 !== 0) pool.freeOffset(offset);
  const returned = pool.trim();
  pool.check();
  const runs = kept.map(() => pool.callocOffset(63, 1024)).filter((offset) => offset >= 0);
  const zeros = runs.length === kept.length &&
    runs.every((offset) => data.subarray(offset, offset + 63 * 1024).every((byte) => byte === 0));
  return { returned, zeros, kept: kept.every((at) => data.subarray(at, at + 1024).every((byte) => byte === 7)) };
}

/** Makes the runtime allocate its own memory for this code before the measurement. */
function warmUp(): void {
  for (let round = 0; round < 20; round++) {
    using pool = MemPool.init(SIZE / 16, 4096);
    fill(pool, 4096);
    pool.trim();
  }
}

function wholePool(): Omit<TrimReport, "scattered"> {
  warmUp();
  using pool = MemPool.init(SIZE, 4096);
  const untouched = memory();
  const filled = fill(pool, 4096);
  const returned = pool.trim();
  const trimmed = memory();
  return { untouched, filled, trimmed, returned, returnedAgain: pool.trim() };
}

console.log(JSON.stringify({ ...wholePool(), scattered: scattered() }));
