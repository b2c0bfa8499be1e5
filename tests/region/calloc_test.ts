/**
 * calloc zeroes the part of a run that lies below high water, whatever happened to it before: it was used and freed,
 * trimmed, or the program wrote to it through `pool.buffer`. Blocks above high water have never been used and are not
 * touched.
 */

import { assert, assertEquals } from "@std/assert";
import type { MemPool } from "mempool";
import { HIGH_WATER } from "../../src/region/layout.ts";
import { test } from "../support/harness.ts";
import { insideOf, present, withPool } from "../support/pool.ts";
import { SimMemory, SimWorker } from "../support/simulation.ts";

const BLOCK = 64;

/** Uses every block of a pool up to number `blocks` and frees all of them. */
function raiseHighWater(pool: MemPool, blocks: number): void {
  pool.free(present(pool.alloc(blocks * BLOCK)));
  assertEquals(insideOf(pool).region.header[HIGH_WATER], blocks);
}

/** Overwrites free blocks as a program may do. */
function writeThroughBuffer(pool: MemPool, blocks: number): void {
  new Uint8Array(pool.buffer, 0, blocks * BLOCK).fill(7);
}

function assertZero(block: ArrayBuffer): void {
  const place = new Uint8Array(block).findIndex((byte) => byte !== 0);
  assert(place === -1, `byte ${place} of ${block.byteLength} is not zero`);
}

test(
  "calloc - is zero after the program wrote to free blocks through pool.buffer",
  withPool((pool) => {
    raiseHighWater(pool, 64);
    writeThroughBuffer(pool, 64);
    assertZero(present(pool.calloc(1, pool.size)));
  }),
);

test(
  "calloc - is zero in a run of which only a part lies below high water",
  withPool((pool) => {
    raiseHighWater(pool, 10);
    writeThroughBuffer(pool, 10);
    assertZero(present(pool.calloc(20, BLOCK)));
    assertZero(present(pool.calloc(44, BLOCK)));
  }),
);

for (const when of ["before", "after"] as const) {
  test(
    `calloc - is zero after a trim, if the program wrote to free blocks ${when} it`,
    withPool((pool) => {
      raiseHighWater(pool, 1024);
      if (when === "before") writeThroughBuffer(pool, 1024);
      pool.trim();
      if (when === "after") writeThroughBuffer(pool, 1024);
      for (const blocks of [1, 3, 20, 900]) assertZero(present(pool.calloc(blocks, BLOCK)));
    }, { blocks: 1024, cachedBlocks: 8 }),
  );
}

test(
  "calloc - is zero in a single block from the worker's cache that was overwritten",
  withPool((pool) => {
    const offset = pool.allocOffset(BLOCK);
    pool.freeOffset(offset);
    writeThroughBuffer(pool, 64);
    const block = present(pool.calloc(1, BLOCK));
    assertEquals(pool.offsetOf(block), offset);
    assertZero(block);
  }, { cachedBlocks: 8 }),
);

test(
  "calloc - is zero up to its last byte, and does not touch the next block",
  withPool((pool) => {
    raiseHighWater(pool, 64);
    const blocks = present(pool.allocMany(64, BLOCK));
    for (const block of blocks) new Uint8Array(block).fill(9);
    pool.free(blocks[5]!);
    writeThroughBuffer(pool, 6);
    const zeroed = present(pool.calloc(1, BLOCK - 1));
    assertEquals(pool.offsetOf(zeroed), 5 * BLOCK);
    assertZero(zeroed);
    assertEquals(new Uint8Array(pool.buffer)[6 * BLOCK], 9);
  }),
);

test("calloc - zeroes exactly the blocks below high water", () => {
  const memory = SimMemory.make({ blocks: 64, cachedBlocks: 0 });
  const worker = SimWorker.attach(memory);
  const zeroed: [offset: number, byteLength: number][] = [];
  const zero = memory.zero.bind(memory);
  memory.zero = (offset, byteLength) => {
    zeroed.push([offset, byteLength]);
    zero(offset, byteLength);
  };
  const first = worker.allocZeroed(4 * BLOCK);
  assertEquals([first, zeroed], [0, []], "in a new pool");
  assert(worker.free(first));
  assertEquals(worker.allocZeroed(10 * BLOCK), 0);
  assertEquals(zeroed, [[0, 4 * BLOCK]], "of ten blocks, four had been used");
  assert(worker.free(0));
  assertEquals(worker.allocZeroed(3 * BLOCK + 1), 0);
  assertEquals(zeroed.slice(1), [[0, 3 * BLOCK + 1]], "only the requested bytes");
  worker.check();
});
