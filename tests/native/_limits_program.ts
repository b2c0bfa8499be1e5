/** A process whose data may grow by 4 GiB at most. Prints the outcome of what it does with pools as one line of JSON. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { GIGABYTE, MEGABYTE, MemPool, MemPoolError } from "mempool";

export interface LimitsReport {
  /** Whether growable pools, one after the other, could be filled beyond their first size. */
  readonly grown: boolean[];
  /** What a pool does that would have to grow beyond the limit, and whether it works afterwards. */
  readonly beyond: { readonly offset: number; readonly works: boolean };
  /** The error code of a pool whose first size is beyond the limit. */
  readonly tooLarge: string;
}

/** What the process may still use. */
const room = 4 * GIGABYTE;
const blockSize = 4096;

function growable(): MemPool {
  return MemPool.init(MEGABYTE, blockSize, { maxSize: 4 * room });
}

/** Each pool reserves the addresses of `maxSize`. More of them than the library reuses are at rest in the end. */
function growOneByOne(): boolean[] {
  return Array.from({ length: 12 }, () => {
    using pool = growable();
    const block = pool.alloc(16 * MEGABYTE);
    if (block === null) return false;
    new Uint8Array(block).fill(7, 0, MEGABYTE);
    pool.free(block);
    pool.check();
    return pool.stats().grown > 0;
  });
}

function growBeyond(): LimitsReport["beyond"] {
  using pool = growable();
  const offset = pool.allocOffset(room + 1);
  const works = pool.allocOffset(16 * MEGABYTE) >= 0;
  pool.check();
  return { offset, works };
}

function codeOf(call: () => unknown): string {
  try {
    call();
    return "none";
  } catch (error) {
    if (!(error instanceof MemPoolError)) throw error;
    return error.code;
  }
}

/** The data of this process in bytes. The engine of Bun reserves several gigabytes of it. */
function dataBytes(): number {
  return Number(/VmData:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}

const limit = dataBytes() + room;
execFileSync("prlimit", [`--pid=${process.pid}`, `--data=${limit}:${limit}`]);
const report: LimitsReport = {
  grown: growOneByOne(),
  beyond: growBeyond(),
  tooLarge: codeOf(() => MemPool.init(room + blockSize, blockSize)),
};
console.log(JSON.stringify(report));
