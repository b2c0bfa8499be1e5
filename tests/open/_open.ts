/** What the tests of pools by name share. */

import { MemPool, MemPoolError, type MemPoolOptions } from "mempool";
import { destroyQuietly } from "../support/pool.ts";

let names = 0;

/** A name that no other test of this process uses. */
export function newName(): string {
  return `test ${Math.random()} ${++names}`;
}

/** Returns a test of pools by name, for unchecked and checked pools. The test's pool is destroyed at the end. */
export function withName(use: (name: string, options: MemPoolOptions) => void | Promise<void>): () => Promise<void> {
  return async () => {
    for (const checked of [false, true]) {
      const name = newName();
      await use(name, { checked });
      destroyNamed(name, { checked });
    }
  };
}

/** Destroys the pool of a name that the test has opened with these options, or makes and destroys one. */
export function destroyNamed(name: string, options?: MemPoolOptions): void {
  destroyQuietly(open(name, options));
}

/** Opens a pool of 64 blocks of 64 bytes. */
export function open(name: string, options?: MemPoolOptions): MemPool {
  return MemPool.open(name, 4096, 64, options);
}

/** How many pools the native library has a table for: REGION_LIMIT in native/internal.h. */
const REGION_LIMIT = 16_384;

let probes = 0;

/**
 * How many entries of the native library's table of regions were ever used. Entries are used again with ranges of the
 * same size, so the number grows if regions leak. The pool that probes has a size that no other pool has, so it takes an
 * entry that was never used.
 */
export function usedEntries(): number {
  const size = 2 ** 20 * Math.ceil(1000 * 1.4 ** probes++);
  using pool = MemPool.init(size, 4096, { cachedBlocks: 0, cachedBuffers: 0 });
  return pool.handle.id % REGION_LIMIT;
}

/**
 * Makes and destroys so many pools of the size of `open` that their ranges are used again from now on: of the ranges that
 * were given up, the youngest always rest.
 */
export function fillQuarantine(size: number, options?: MemPoolOptions): void {
  for (let made = 0; made < 2 * RESTING; made++) MemPool.open(newName(), size, 64, options).destroy();
}

/** QUARANTINE in native/ranges.c. */
const RESTING = 8;

/** Opens the name, or returns undefined if another thread has a pool of another size. */
export function tryOpen(name: string): MemPool | undefined {
  try {
    return open(name);
  } catch (error) {
    if (error instanceof MemPoolError && error.code === "format-mismatch") return undefined;
    throw error;
  }
}
