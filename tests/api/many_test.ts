import { assert, assertEquals } from "@std/assert";
import type { Block, MemPool } from "mempool";
import { test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  assertRefused,
  lastingStats,
  mark,
  present,
  withPool,
} from "../support/pool.ts";

test(
  "allocMany - returns the requested number of separate buffers of the requested length",
  withPool((pool) => {
    const blocks = present(pool.allocMany(10, 100));
    assertEquals(blocks.map(({ byteLength }) => byteLength), Array(10).fill(100));
    blocks.forEach(mark);
    blocks.forEach((block, cookie) => assertMarked(block, cookie));
    const { allocs, allocatedBlocks, requestedBytes } = pool.stats();
    assertEquals([allocs, allocatedBlocks, requestedBytes], [10, 20, 1000]);
    pool.freeMany(blocks);
    assertOneFreeRun(pool);
  }),
);

test(
  "allocMany - returns an empty array for a count of 0",
  withPool((pool) => {
    assertEquals([pool.allocMany(0, 1), pool.allocMany(-0, 2 ** 53)], [[], []]);
    assertEquals(pool.stats().allocs, 0);
  }),
);

test(
  "allocMany - can allocate every block of the pool",
  withPool((pool) => {
    const blocks = present(pool.allocMany(64, 64));
    assertEquals(pool.alloc(1), null);
    pool.freeMany(blocks.toReversed());
    assertOneFreeRun(pool);
  }),
);

test(
  "allocMany - returns null and changes nothing when not all of the blocks fit",
  withPool((pool) => {
    const keep = present(pool.allocMany(8, 64));
    for (const place of [1, 3, 5]) pool.free(keep[place]!);
    const before = lastingStats(pool);
    const requests = [[60, 64], [59, 64 + 1], [30, 128], [65, 1], [2 ** 31, 1], [2 ** 53, 1], [1, 2 ** 53], [
      2 ** 53,
      2 ** 53,
    ]];
    for (const [count, numBytes] of requests) assertEquals(pool.allocMany(count!, numBytes!), null);
    assertEquals({ ...lastingStats(pool), coalesced: 0 }, { ...before, coalesced: 0 });
    assertEquals(pool.stats().exhausted, requests.length);
    assertEquals(present(pool.allocMany(59, 64)).length, 59);
  }),
);

test(
  "freeMany - accepts blocks of any length and views on them, from any iterable",
  withPool((pool) => {
    const blocks = (): ArrayBuffer[] => [1, 100, 500].map((bytes) => present(pool.alloc(bytes)));
    pool.freeMany(blocks());
    pool.freeMany(new Set(blocks()));
    pool.freeMany(blocks().map((block) => new Uint8Array(block)).values());
    pool.freeMany(new Map(blocks().map((block, place) => [place, block])).values());
    pool.freeMany(function* () {
      yield* blocks();
    }());
    pool.freeMany([]);
    assertOneFreeRun(pool);
    assertEquals(pool.stats().frees, 15);
  }),
);

/** Expects freeMany to refuse these blocks and to change nothing. */
function assertRefusesAll(
  blocks: Block[],
  pool: MemPool,
  code: "double-free" | "foreign-block",
  message: string,
): void {
  const before = lastingStats(pool);
  assertRefused(() => pool.freeMany(blocks), code, message);
  assertEquals(lastingStats(pool), before);
  pool.check();
}

test(
  "freeMany - frees nothing when a block is listed twice",
  withPool((pool) => {
    const [a, b, c] = present(pool.allocMany(3, 100)) as [ArrayBuffer, ArrayBuffer, ArrayBuffer];
    const message = "Cannot free block at offset 128: it is already free";
    assertRefusesAll([a, b, c, b], pool, "double-free", message);
    assertRefusesAll([b, b], pool, "double-free", message);
    assertRefusesAll([a, new Uint8Array(b), b], pool, "double-free", message);
    for (const block of [a, b, c]) assert(pool.owns(block));
    pool.freeMany([c, a, b]);
    assertOneFreeRun(pool);
  }),
);

test(
  "freeMany - frees nothing when one of the blocks is free",
  withPool((pool) => {
    const [a, b, c] = present(pool.allocMany(3, 64)) as [ArrayBuffer, ArrayBuffer, ArrayBuffer];
    pool.free(b);
    const message = "Cannot free block at offset 64: it is already free";
    for (const blocks of [[a, b, c], [b, a, c], [a, c, b]]) assertRefusesAll(blocks, pool, "double-free", message);
    pool.freeMany([a, c]);
    assertOneFreeRun(pool);
  }),
);

test(
  "freeMany - frees nothing when one of the buffers is foreign",
  withPool((pool) => {
    const [a, b] = present(pool.allocMany(2, 64)) as [ArrayBuffer, ArrayBuffer];
    const message = "Cannot free an object (ArrayBuffer): it is not a block of this pool";
    const foreign = new ArrayBuffer(64);
    for (const blocks of [[foreign, a, b], [a, foreign, b], [a, b, foreign]]) {
      assertRefusesAll(blocks, pool, "foreign-block", message);
    }
    assertRefusesAll([a, pool.buffer, b], pool, "foreign-block", message);
    pool.freeMany([a, b]);
  }),
);
