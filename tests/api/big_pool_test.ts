/**
 * Pools of 4 GiB and more. They reserve address space. The system commits memory only for the pages that are touched, and
 * these tests touch few.
 */

import { assert, assertEquals } from "@std/assert";
import { GIGABYTE, KILOBYTE, MEGABYTE, MemPool } from "mempool";
import { metaBytes } from "../../src/region/layout.ts";
import { onBun } from "../../scripts/_project.ts";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { assertMarked, assertOneFreeRun, assertRefused, mark, present } from "../support/pool.ts";

function bigPool(size: number, blockSize: number): MemPool {
  return MemPool.init(size, blockSize, { cachedBlocks: 0 });
}

test("big pool - has the expected size and block count from 4 GiB up", () => {
  for (
    const [size, blockSize] of [[4 * GIGABYTE, 64 * KILOBYTE], [5 * GIGABYTE + 12345, 1000], [
      2 ** 40,
      MEGABYTE,
    ]] as const
  ) {
    using pool = bigPool(size, blockSize);
    assertEquals(pool.blockCount, Math.floor(size / pool.blockSize));
    assertEquals(pool.size, pool.blockCount * pool.blockSize);
    assertEquals(pool.stats().largestFreeRun, pool.blockCount);
    pool.check();
  }
});

test("big pool - places blocks past 4 GiB correctly and keeps their bytes", () => {
  using pool = bigPool(8 * GIGABYTE, MEGABYTE);
  const low = present(pool.alloc(100));
  const skipped = pool.allocOffset(6 * GIGABYTE);
  assertEquals(skipped, MEGABYTE);
  const high = present(pool.alloc(5000));
  const offset = pool.offsetOf(high);
  assertEquals(offset, 6 * GIGABYTE + MEGABYTE);
  mark(low, 1);
  mark(high, 2);
  assertMarked(pool.at(offset), 2);
  assertMarked(pool.at(0), 1);
  assertMarked(present(pool.realloc(high, 3 * MEGABYTE)), 2, 5000);
  pool.freeOffset(offset);
  pool.freeOffset(skipped);
  pool.free(low);
  assertOneFreeRun(pool);
});

test("big pool - recognises a buffer past 4 GiB after the engine transferred it", () => {
  using pool = bigPool(8 * GIGABYTE, MEGABYTE);
  pool.allocOffset(6 * GIGABYTE);
  const block = present(pool.alloc(5000));
  mark(block, 1);
  const moved = structuredClone(block, { transfer: [block] });
  assertMarked(moved, 1);
  assertEquals(pool.offsetOf(moved), 6 * GIGABYTE);
  pool.free(moved);
});

test("big pool - calloc past 4 GiB returns zeroed memory, whether it was used before or not", () => {
  using pool = bigPool(8 * GIGABYTE, MEGABYTE);
  const skipped = pool.allocOffset(5 * GIGABYTE);
  const dirty = present(pool.alloc(2000));
  mark(dirty, 1);
  pool.free(dirty);
  const zeros = present(pool.calloc(3, MEGABYTE));
  assertEquals(new Uint8Array(zeros, 0, 2000), new Uint8Array(2000));
  const rest = pool.callocOffset(2 * 1024 * MEGABYTE, 1);
  assert(rest > 5 * GIGABYTE);
  for (const offset of [skipped, 5 * GIGABYTE, rest]) pool.freeOffset(offset);
  assertOneFreeRun(pool);
});

test("big pool - allocates a run longer than 4 GiB with its exact length, and resizes it in place", () => {
  using pool = bigPool(16 * GIGABYTE, MEGABYTE);
  const bytes = 5 * GIGABYTE + 7;
  const offset = pool.allocOffset(bytes);
  assertEquals(pool.stats().requestedBytes, bytes);
  assertEquals(pool.reallocOffset(offset, 9 * GIGABYTE + 1), offset);
  assertEquals(pool.stats().requestedBytes, 9 * GIGABYTE + 1);
  assertEquals(pool.stats().allocatedBlocks, 9 * 1024 + 1);
  assertEquals(pool.reallocOffset(offset, 3), offset);
  assertEquals(pool.at(offset).byteLength, 3);
  pool.freeOffset(offset);
  assertOneFreeRun(pool);
});

test('big pool - makes a buffer longer than 4 GiB, and throws "unsupported" on Bun', () => {
  using pool = bigPool(8 * GIGABYTE, MEGABYTE);
  const bytes = 4 * GIGABYTE + 1;
  const why = "a buffer holds at most 4294967296 bytes, not ";
  if (onBun) {
    assertRefused(() => pool.alloc(bytes), "unsupported", `Cannot allocate: ${why}${bytes}`);
    assertRefused(() => pool.calloc(bytes, 1), "unsupported", `Cannot allocate: ${why}${bytes}`);
    assertRefused(() => pool.allocMany(1, bytes), "unsupported", `Cannot allocate: ${why}${bytes}`);
    assertRefused(
      () => pool.realloc(present(pool.alloc(1)), bytes),
      "unsupported",
      `Cannot reallocate: ${why}${bytes}`,
    );
    assertRefused(() => pool.buffer, "unsupported", `Cannot make a buffer over the pool: ${why}${pool.size}`);
    const offset = pool.allocOffset(bytes);
    assertRefused(() => pool.at(offset), "unsupported", `Cannot look at: ${why}${bytes}`);
    assertEquals(pool.stats().allocatedBlocks, 4097 + 1);
  } else {
    const block = present(pool.alloc(bytes));
    assertEquals([block.byteLength, pool.buffer.byteLength], [bytes, pool.size]);
    new Uint8Array(block, 4 * GIGABYTE)[0] = 7;
    assertEquals(new Uint8Array(pool.buffer)[4 * GIGABYTE], 7);
    assertEquals(pool.at(pool.offsetOf(block)), block);
    pool.free(block);
  }
  assertEquals(pool.alloc(9 * GIGABYTE), null);
  pool.check();
});

test("big pool - makes a buffer over a pool of exactly 4 GiB on all runtimes", () => {
  using pool = bigPool(4 * GIGABYTE, MEGABYTE);
  assertEquals(pool.buffer.byteLength, 4 * GIGABYTE);
  const block = present(pool.alloc(4 * GIGABYTE));
  new Uint8Array(block, 4 * GIGABYTE - 1)[0] = 9;
  assertEquals(new Uint8Array(pool.buffer, 4 * GIGABYTE - 1)[0], 9);
  assertEquals([block.byteLength, pool.alloc(1)], [4 * GIGABYTE, null]);
  pool.free(block);
  assertOneFreeRun(pool);
});

test("big pool - can be attached by its handle", () => {
  using pool = bigPool(64 * GIGABYTE, MEGABYTE);
  using attached = MemPool.attach(pool.handle);
  pool.allocOffset(40 * GIGABYTE);
  const block = present(attached.alloc(10));
  assertEquals(pool.offsetOf(block), 40 * GIGABYTE);
});

/** The block table of these is longer than 1 GiB. */
const MANY_BLOCKS = effort(70_000_000, 100_000_000);

test("big pool - works with a block table over 1 GiB", () => {
  using pool = bigPool(16 * MANY_BLOCKS, 16);
  assert(metaBytes(pool.blockCount, 0, false) > GIGABYTE);
  const all = pool.allocOffset(pool.size - 16);
  const last = pool.allocOffset(16);
  assertEquals([all, last, pool.allocOffset(1)], [0, pool.size - 16, -1]);
  pool.freeOffset(all);
  pool.freeOffset(last);
  assertOneFreeRun(pool);
});

test("big pool - gives memory and addresses back at destroy, over 60 pools of 1 TiB", () => {
  for (let round = 0; round < 60; round++) {
    using pool = bigPool(1024 * GIGABYTE, 16 * MEGABYTE);
    mark(present(pool.alloc(100)), round);
  }
});
