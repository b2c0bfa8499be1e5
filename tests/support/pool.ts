/** Pools for tests, which are checked at the end, and assertions on exact errors. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  type Block,
  MemPool,
  MemPoolError,
  type MemPoolErrorCode,
  type MemPoolOptions,
  type MemPoolStats,
} from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { BIAS_TAG, HAS_BARRIER, HEADER_SUM, PLAIN_CLAIMS } from "../../src/region/layout.ts";
import { headerSum } from "../../src/region/validate.ts";

/** Geometry and options of a test's pool. */
export interface PoolShape extends MemPoolOptions {
  /** 64 unless given. */
  readonly blocks?: number;
  /** 64 bytes unless given. */
  readonly blockSize?: number;
}

/** A pool that the caller destroys. By default it has no worker caches, so offsets and counters are predictable. */
export function makePool({ blocks = 64, blockSize = 64, ...options }: PoolShape = {}): MemPool {
  return MemPool.init(blocks * blockSize, blockSize, { cachedBlocks: 0, ...options });
}

/**
 * Returns a test that makes a pool, calls `use` with it, checks the pool and destroys it; and then does the same with a
 * checked pool, which must behave alike. If the shape says whether the pool is checked, only that kind is tested.
 */
export function withPool(use: (pool: MemPool) => void, shape: PoolShape = {}): () => void {
  return () => {
    for (const kind of kindsOf(shape)) {
      inKind(kind, () => {
        using pool = makePool(kind);
        use(pool);
        endOf(pool);
      });
    }
  };
}

/** The same as `withPool`, for asynchronous tests. */
export function withPoolAsync(use: (pool: MemPool) => Promise<void>, shape: PoolShape = {}): () => Promise<void> {
  return async () => {
    for (const kind of kindsOf(shape)) {
      await inKind(kind, async () => {
        using pool = makePool(kind);
        await use(pool);
        endOf(pool);
      });
    }
  };
}

/**
 * The shapes to test: the given one if it says whether the pool is checked, otherwise an unchecked and a checked one.
 */
export function kindsOf(shape: PoolShape): PoolShape[] {
  return shape.checked === undefined ? [shape, { ...shape, checked: true }] : [shape];
}

/** Runs a test; if it fails with a checked pool, the error says so. */
export function inKind<T extends void | Promise<void>>({ checked }: PoolShape, run: () => T): T {
  const fail = (error: unknown): never => {
    if (checked !== true) throw error;
    throw new Error(`In a checked pool: ${error instanceof Error ? error.message : error}`, { cause: error });
  };
  try {
    const result = run();
    return result instanceof Promise ? result.catch(fail) as T : result;
  } catch (error) {
    return fail(error);
  }
}

function endOf(pool: MemPool): void {
  if (pool.destroyed) return;
  pool.check();
  destroyQuietly(pool);
}

/**
 * Destroys a pool without printing the leaks that a checked pool reports, because many tests leave blocks allocated.
 */
export function destroyQuietly(pool: MemPool): void {
  const { id } = pool.handle;
  for (const [line] of warningsOf(() => pool.destroy())) {
    assert(String(line).startsWith(`mempool: pool ${id} destroyed: `), `printed: ${line}`);
  }
}

/** This thread's attachment to a pool: the words of the region and the lock, for tests that corrupt or hold them. */
export function insideOf(pool: MemPool): Attachment {
  return Attachment.open(pool.handle);
}

/** Makes workers that attach from now on always claim by exchange, as on a system without a barrier. */
export function withoutBarrier(header: Int32Array): void {
  header[HAS_BARRIER] = header[PLAIN_CLAIMS] = header[BIAS_TAG] = 0;
  header[HEADER_SUM] = headerSum(header);
}

/** Expects a MemPoolError with this code and exactly this message, apart from the stacks that a checked pool adds. */
export function assertRefused(act: () => unknown, code: MemPoolErrorCode, message: string): void {
  const error = thrownBy(act);
  assertInstanceOf(error, MemPoolError);
  assertEquals({ code: error.code, message: withoutStacks(error.message) }, { code, message });
}

/** The message without the stacks that a checked pool adds. */
export function withoutStacks(message: string): string {
  return message.replace(/\nallocated\n[^]*$/, "");
}

/** Expects an error of exactly this class with exactly this message. */
export function assertError(act: () => unknown, type: ErrorConstructor, message: string): void {
  const error = thrownBy(act);
  assertInstanceOf(error, type);
  assertEquals({ name: error.name, message: error.message }, { name: type.name, message });
}

/** Returns what `act` throws. Throws if it throws nothing. */
export function thrownBy(act: () => unknown): unknown {
  let result: unknown;
  try {
    result = act();
  } catch (error) {
    return error;
  }
  throw new Error(`Expected an error, but the call returned ${String(result)}`);
}

/** Returns the block, which must not be null. */
export function present<T>(block: T | null): T {
  assert(block !== null, "the pool is exhausted");
  return block;
}

/** Fills a block with bytes that depend on the cookie. */
export function mark(block: Block, cookie: number): void {
  const bytes = bytesOf(block);
  for (let i = 0; i < bytes.length; i++) bytes[i] = byteAt(cookie, i);
}

/** Expects the first `length` bytes to be as `mark` left them. */
export function assertMarked(block: Block, cookie: number, length = block.byteLength): void {
  const bytes = bytesOf(block);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== byteAt(cookie, i)) {
      throw new Error(`Byte ${i} of ${length}, marked with cookie ${cookie}, is ${bytes[i]}`);
    }
  }
}

function bytesOf(block: Block): Uint8Array {
  return ArrayBuffer.isView(block)
    ? new Uint8Array(block.buffer, block.byteOffset, block.byteLength)
    : new Uint8Array(block);
}

function byteAt(cookie: number, index: number): number {
  return (Math.imul(cookie + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 24;
}

/** Expects that nothing is allocated and that the whole pool is one free run; in a checked pool, of zeros only. */
export function assertOneFreeRun(pool: MemPool): void {
  assertEquals(warningsOf(() => pool.check()), []);
  const { allocatedBlocks, requestedBytes, largestFreeRun, fragmentation, blockCount, frees, allocs } = pool.stats();
  assertEquals(
    { allocatedBlocks, requestedBytes, largestFreeRun, fragmentation, frees },
    { allocatedBlocks: 0, requestedBytes: 0, largestFreeRun: blockCount, fragmentation: 0, frees: allocs },
  );
}

/** Returns the arguments of each call of console.warn during `act`. */
export function warningsOf(act: () => unknown): unknown[][] {
  const warnings: unknown[][] = [];
  const { warn } = console;
  console.warn = (...line) => warnings.push(line);
  try {
    act();
  } finally {
    console.warn = warn;
  }
  return warnings;
}

/** The statistics that neither a refused call nor a call that only reads may change. */
export type LastingStats = Omit<MemPoolStats, "lockAcquisitions" | "lockContended" | "exhausted">;

export function lastingStats(pool: MemPool): LastingStats {
  const { lockAcquisitions: _1, lockContended: _2, exhausted: _3, ...lasting } = pool.stats();
  return lasting;
}
