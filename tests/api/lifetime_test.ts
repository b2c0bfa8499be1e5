import { assert, assertEquals, assertFalse } from "@std/assert";
import { MemPool } from "mempool";
import { callsOf } from "../support/calls.ts";
import { test } from "../support/harness.ts";
import { assertRefused, makePool, mark, present, withPool } from "../support/pool.ts";

function assertEnded(pool: MemPool, block: ArrayBuffer, code: "destroyed" | "closed", why: string): void {
  for (const [call, action] of callsOf(pool, block)) assertRefused(call, code, `Cannot ${action}: ${why}`);
}

function assertDestroyed(pool: MemPool, block: ArrayBuffer): void {
  assertEnded(pool, block, "destroyed", "the pool is destroyed");
}

function assertClosed(pool: MemPool, block: ArrayBuffer): void {
  assertEnded(pool, block, "closed", "this pool object is closed");
}

test('destroy - makes every later call throw "destroyed", also a call with bad arguments', () => {
  const pool = makePool();
  const block = present(pool.alloc(100));
  pool.destroy();
  assertDestroyed(pool, block);
  assertRefused(() => pool.alloc(NaN), "destroyed", "Cannot allocate: the pool is destroyed");
  assertRefused(() => pool.free(1 as unknown as ArrayBuffer), "destroyed", "Cannot free: the pool is destroyed");
});

test("destroy - leaves the properties readable", () => {
  const pool = makePool();
  const { size, blockSize, blockCount, handle } = pool;
  assertFalse(pool.destroyed);
  pool.destroy();
  assert(pool.destroyed);
  assertEquals([pool.size, pool.blockSize, pool.blockCount, pool.handle], [size, blockSize, blockCount, handle]);
  assertEquals(pool.buffer.byteLength, 0);
});

test("destroy - does nothing the second time, nor do close and disposal", () => {
  const pool = makePool();
  for (const _ of [1, 2, 3]) {
    pool.destroy();
    pool.close();
    pool[Symbol.dispose]();
    assert(pool.destroyed);
  }
  assertRefused(() => pool.alloc(1), "destroyed", "Cannot allocate: the pool is destroyed");
});

test("destroy - leaves stale buffers that can be read and written without effect on later pools", () => {
  for (let round = 0; round < 10; round++) makePool({ blocks: 100_000 }).destroy();
  const pool = makePool({ blocks: 1000 });
  const blocks = present(pool.allocMany(100, 640));
  const { buffer } = pool;
  blocks.forEach(mark);
  pool.destroy();
  using other = makePool({ blocks: 1000 });
  const mine = present(other.calloc(1, 64_000));
  for (const stale of [...blocks, buffer]) new Uint8Array(stale).fill(1);
  assertEquals(new Uint8Array(mine).findIndex((byte) => byte !== 0), -1);
  for (const block of blocks) assertEquals(block.byteLength, 640);
});

test("destroy - lets every later pool start empty and zeroed", () => {
  const others: MemPool[] = [];
  for (let round = 0; round < 200; round++) {
    const pool = makePool({ blocks: 100 + round % 7 });
    assertEquals(pool.stats().allocatedBlocks, 0);
    const block = present(pool.calloc(1, pool.size));
    assertEquals(new Uint8Array(block).findIndex((byte) => byte !== 0), -1);
    mark(block, round);
    others.push(pool);
    if (others.length > 12) others.shift()!.destroy();
  }
  for (const pool of others) {
    pool.check();
    pool.destroy();
  }
});

test("destroy - through one object destroys the other objects of this thread", () => {
  const pool = makePool();
  const block = present(pool.alloc(100));
  const second = MemPool.attach(pool.handle);
  second.destroy();
  assert(pool.destroyed && second.destroyed);
  assertDestroyed(pool, block);
  assertDestroyed(second, block);
});

test("dispose - destroys the pool through the object that made it", () => {
  let outside: MemPool;
  {
    using pool = makePool();
    outside = pool;
    assertFalse(outside.destroyed);
  }
  assert(outside.destroyed);
});

test(
  "dispose - closes the pool through an object that attached it",
  withPool((pool) => {
    let outside: MemPool;
    const block = present(pool.alloc(100));
    {
      using second = MemPool.attach(pool.handle);
      outside = second;
    }
    assertClosed(outside, block);
    assertFalse(outside.destroyed);
    pool.free(block);
  }),
);

test('close - makes every later call throw "closed"; destroy, close and disposal do nothing', () => {
  const pool = makePool();
  const { handle } = pool;
  const block = present(pool.alloc(100));
  pool.close();
  assertClosed(pool, block);
  pool.close();
  pool.destroy();
  pool[Symbol.dispose]();
  assertFalse(pool.destroyed);
  assertEquals(pool.buffer.byteLength, 0);
  const again = MemPool.attach(handle);
  assertEquals(again.stats().allocatedBlocks, 2);
  again.destroy();
});

test(
  "close - of one object leaves the other objects of this thread open",
  withPool((pool) => {
    const second = MemPool.attach(pool.handle);
    const third = MemPool.attach(pool.handle);
    const block = present(second.alloc(100));
    second.close();
    assertClosed(second, block);
    third.free(block);
    third.close();
    assertEquals(pool.stats().workers, 1);
    present(pool.alloc(1));
  }),
);

test("close - through the object that made the pool keeps the pool and its blocks", () => {
  const pool = makePool();
  const { handle } = pool;
  const offset = pool.allocOffset(100);
  mark(pool.at(offset), 4);
  const attached = MemPool.attach(handle);
  pool.close();
  mark(attached.at(offset), 5);
  attached.freeOffset(offset);
  attached.check();
  attached.destroy();
  assert(attached.destroyed);
});

test('close - after destroy, calls throw "destroyed", not "closed"', () => {
  const pool = makePool();
  const second = MemPool.attach(pool.handle);
  pool.destroy();
  second.close();
  assertRefused(() => second.alloc(1), "destroyed", "Cannot allocate: the pool is destroyed");
});

test('close - before destroy, calls throw "closed", not "destroyed"', () => {
  const pool = makePool();
  const second = MemPool.attach(pool.handle);
  second.close();
  pool.destroy();
  assertRefused(() => second.alloc(1), "closed", "Cannot allocate: this pool object is closed");
  assertFalse(second.destroyed);
});

/** A pool with a worker cache that can serve an allocation and take a free, and its block at offset 0. */
function makeCachingPool(blocks = 64): { pool: MemPool; block: ArrayBuffer } {
  const pool = makePool({ blocks, cachedBlocks: 16 });
  const block = present(pool.alloc(1));
  assertEquals(pool.offsetOf(block), 0);
  assert(pool.stats().cachedBlocks > 0);
  return { pool, block };
}

test("close - keeps later calls away from the worker cache", () => {
  const { pool, block } = makeCachingPool();
  const { handle } = pool;
  pool.close();
  assertClosed(pool, block);
  const again = MemPool.attach(handle);
  assertEquals(again.stats().allocatedBlocks, 1);
  again.destroy();
});

test("close - of one of several objects keeps its later calls away from the shared worker cache", () => {
  const { pool, block } = makeCachingPool();
  const second = MemPool.attach(pool.handle);
  second.close();
  assertClosed(second, block);
  pool.free(block);
  assertEquals(pool.stats().allocatedBlocks, 0);
  pool.destroy();
  assertClosed(second, block);
});

test("destroy - keeps later calls away from the worker cache, also when another pool uses its addresses", () => {
  const blocks = 30_011; // a size that no other test uses
  const { pool, block } = makeCachingPool(blocks);
  const second = MemPool.attach(pool.handle);
  second.destroy();
  // The library leaves the last eight address ranges unused, and then uses the range again that was freed first.
  const resting = Array.from({ length: 8 }, () => makeCachingPool(blocks));
  for (const other of resting) other.pool.destroy();
  const others = Array.from({ length: 20 }, () => makeCachingPool(blocks));
  assertDestroyed(pool, block);
  assertDestroyed(second, block);
  for (const other of others) {
    other.pool.free(other.block);
    assertEquals(other.pool.stats().allocatedBlocks, 0);
    other.pool.destroy();
  }
});
