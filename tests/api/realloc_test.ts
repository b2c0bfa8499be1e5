import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { MemPool } from "mempool";
import { test } from "../support/harness.ts";
import { assertMarked, assertOneFreeRun, lastingStats, mark, present, withPool } from "../support/pool.ts";

/** Allocates runs of these lengths, in blocks, one after the other from offset 0, and marks each. */
function marked(pool: MemPool, ...lengths: number[]): ArrayBuffer[] {
  const blocks = lengths.map((length) => present(pool.alloc(length * 64)));
  blocks.forEach(mark);
  return blocks;
}

function allocatedAndLargestFree(pool: MemPool): number[] {
  const { allocatedBlocks, largestFreeRun } = pool.stats();
  return [allocatedBlocks, largestFreeRun];
}

test(
  "realloc - keeps the offset when the new length fits the block",
  withPool((pool) => {
    const block = present(pool.alloc(10));
    mark(block, 1);
    const longer = present(pool.realloc(block, 64));
    assertEquals([longer.byteLength, pool.offsetOf(longer)], [64, 0]);
    assertMarked(longer, 1, 10);
    assertEquals(pool.stats().requestedBytes, 64);
    assertEquals(pool.stats().allocatedBlocks, 1);
  }),
);

test(
  "realloc - returns the same buffer for the same length",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    assertStrictEquals(pool.realloc(block, 100), block);
  }),
);

test(
  "realloc - grows a block in place into the free run behind it, up to the end of that run",
  withPool((pool) => {
    const [first] = marked(pool, 2);
    const longer = present(pool.realloc(first!, 5 * 64));
    assertEquals([longer.byteLength, pool.offsetOf(longer)], [320, 0]);
    assertMarked(longer, 0, 128);
    const longest = present(pool.realloc(longer, pool.size));
    assertEquals(allocatedAndLargestFree(pool), [64, 0]);
    assertMarked(longest, 0, 128);
    pool.free(longest);
  }),
);

test(
  "realloc - moves a block when its neighbour is allocated, and frees the old blocks",
  withPool((pool) => {
    const [first, second] = marked(pool, 2, 1);
    const moved = present(pool.realloc(first!, 3 * 64));
    assertEquals(pool.offsetOf(moved), 3 * 64);
    assertMarked(moved, 0, 128);
    assertMarked(second!, 1);
    assertEquals(pool.offsetOf(present(pool.alloc(128))), 0);
  }),
);

test(
  "realloc - moves a block down into the free run before it when no other run fits",
  withPool((pool) => {
    const [first, second, third] = marked(pool, 2, 4, 2);
    pool.free(first!);
    const moved = present(pool.realloc(second!, 6 * 64));
    assertEquals(pool.offsetOf(moved), 0);
    assertMarked(moved, 1, 256);
    assertMarked(third!, 2);
    assertEquals(allocatedAndLargestFree(pool), [8, 0]);
  }, { blocks: 8 }),
);

test(
  "realloc - uses the free runs on both sides of a block, and leaves the remainder free behind it",
  withPool((pool) => {
    const [first, second, third, fourth] = marked(pool, 2, 3, 3, 1);
    pool.free(first!);
    pool.free(third!);
    const moved = present(pool.realloc(second!, 7 * 64));
    assertEquals(pool.offsetOf(moved), 0);
    assertMarked(moved, 1, 192);
    assertMarked(fourth!, 3);
    assertEquals(allocatedAndLargestFree(pool), [8, 1]);
    pool.free(moved);
    pool.free(fourth!);
    assertOneFreeRun(pool);
  }, { blocks: 9 }),
);

test(
  "realloc - frees the tail and keeps the head when it shrinks a block",
  withPool((pool) => {
    const [block, behind] = marked(pool, 5, 1);
    const shorter = present(pool.realloc(block!, 65));
    assertEquals([shorter.byteLength, pool.offsetOf(shorter)], [65, 0]);
    assertMarked(shorter, 0);
    assertMarked(behind!, 1);
    assertEquals(pool.stats().allocatedBlocks, 3);
    assertEquals(pool.offsetOf(present(pool.alloc(3 * 64))), 2 * 64);
  }),
);

test(
  "realloc - shrinks a block to one byte in a full pool",
  withPool((pool) => {
    const shorter = present(pool.realloc(present(pool.alloc(pool.size)), 1));
    assertEquals(allocatedAndLargestFree(pool), [1, 63]);
    pool.free(shorter);
    assertOneFreeRun(pool);
  }),
);

test(
  "realloc - returns null when no run fits, and leaves the block valid and unchanged",
  withPool((pool) => {
    const [first, second] = marked(pool, 4, 4);
    const before = lastingStats(pool);
    for (const bytes of [5 * 64, pool.size, pool.size + 1, 2 ** 40, 2 ** 53, 1e300]) {
      assertEquals(pool.realloc(first!, bytes), null);
      assertEquals(pool.reallocOffset(0, bytes), -1);
    }
    assertEquals(lastingStats(pool), before);
    assertEquals(pool.stats().exhausted, 12);
    assertMarked(first!, 0);
    assertMarked(second!, 1);
    assertEquals(pool.realloc(first!, 256), first!);
    pool.free(first!);
    pool.free(second!);
    assertOneFreeRun(pool);
  }, { blocks: 8 }),
);

test(
  "realloc - does not move a block past an allocated one",
  withPool((pool) => {
    const [first, , third] = marked(pool, 2, 1, 3, 2);
    pool.free(first!);
    assertEquals(pool.realloc(third!, 4 * 64), null);
    assertMarked(third!, 2);
  }, { blocks: 8 }),
);

test(
  "realloc - counts neither as an allocation nor as a free, in place or moved",
  withPool((pool) => {
    const [first] = marked(pool, 2, 1);
    pool.realloc(present(pool.realloc(first!, 10 * 64)), 1);
    const { allocs, frees } = pool.stats();
    assertEquals([allocs, frees], [2, 0]);
  }),
);

test(
  "realloc - accepts a view in place of its buffer",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    mark(block, 7);
    const longer = present(pool.realloc(new Uint8Array(block, 30, 10), 200));
    assertMarked(longer, 7, 100);
  }),
);

test(
  "reallocOffset - returns the new offset and keeps the contents",
  withPool((pool) => {
    const offset = pool.allocOffset(100);
    mark(pool.at(offset), 9);
    pool.allocOffset(1);
    const moved = pool.reallocOffset(offset, 1000);
    assertEquals(moved, 3 * 64);
    assertMarked(pool.at(moved), 9, 100);
    assertEquals(pool.reallocOffset(moved, 1), moved);
  }),
);

for (const cachedBlocks of [0, 16]) {
  test(`realloc - grows in place into free neighbours, ${cachedBlocks === 0 ? "in no cache" : "in this worker's own cache"}`, () => {
    using pool = MemPool.init(64 * 64, 64, { cachedBlocks });
    const blocks = present(pool.allocMany(8, 64));
    const [first, ...others] = blocks.toSorted((one, other) => pool.offsetOf(one) - pool.offsetOf(other));
    const offset = pool.offsetOf(first!);
    mark(first!, 7);
    for (const block of others.slice(0, 5)) pool.free(block);
    if (cachedBlocks > 0) assert(pool.stats().cachedBlocks >= 5);
    const grown = present(pool.realloc(first!, 6 * 64));
    assertEquals([pool.offsetOf(grown), grown.byteLength], [offset, 6 * 64]);
    assertMarked(grown, 7, 64);
    assertEquals(pool.stats().allocatedBlocks, 8);
    pool.check();
    // The cache still hands out every other block once.
    const rest = Array.from({ length: 56 }, () => present(pool.alloc(64)));
    assertEquals(new Set(rest.map((block) => pool.offsetOf(block))).size, 56);
    assertEquals(pool.alloc(1), null);
    pool.check();
  });
}
