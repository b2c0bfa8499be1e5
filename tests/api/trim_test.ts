/** pool.trim() returns the memory of free blocks to the system. */

import { assert, assertEquals } from "@std/assert";
import { GIGABYTE, MEGABYTE } from "mempool";
import { runChild } from "../support/child.ts";
import { withPoolWorkers } from "../support/pool_workers.ts";
import { effort } from "../support/effort.ts";
import { canMeasure } from "../support/footprint.ts";
import { skip, test } from "../support/harness.ts";
import { assertMarked, mark, present, withPool } from "../support/pool.ts";
import type { TrimReport } from "./_trim_program.ts";

const PAGE = 4096;
/** A block size that is neither a multiple nor a divisor of the page size. */
const BLOCK = 3 * 1024;

const measuringTest = canMeasure ? test : skip("only Linux reports resident memory in /proc");

/** The size of the pool that is filled and trimmed. */
const SIZE = effort(256 * MEGABYTE, GIGABYTE);

measuringTest("trim - makes a pool that was full take as little memory as an unused one", async () => {
  const program = new URL("./_trim_program.ts", import.meta.url);
  const { untouched, filled, trimmed, returned, returnedAgain, scattered } = JSON.parse(
    await runChild(program, [String(SIZE)], 60_000),
  ) as TrimReport;
  assert(filled > untouched + 0.9 * SIZE, `filled ${filled}, untouched ${untouched}`);
  assert(trimmed < 1.05 * untouched, `trimmed ${trimmed}, untouched ${untouched}`);
  assertEquals([returned, returnedAgain], [SIZE, 0]);
  assert(scattered.returned > 3.5 * MEGABYTE, `${scattered.returned} of 4 MiB, scattered`);
  assertEquals([scattered.zeros, scattered.kept], [true, true]);
});

test(
  "trim - keeps allocated blocks, and returns the whole pages of the other blocks once",
  withPool((pool) => {
    const blocks = Array.from({ length: 64 }, () => present(pool.alloc(BLOCK)));
    for (const [cookie, block] of blocks.entries()) mark(block, cookie);
    const kept = blocks.filter((_, place) => place % 8 === 0);
    pool.freeMany(blocks.filter((_, place) => place % 8 !== 0));
    const returned = pool.trim();
    assertEquals(returned % PAGE, 0);
    assert(returned >= 8 * (7 * BLOCK - 2 * PAGE) && returned <= 8 * 7 * BLOCK, `returned ${returned} bytes`);
    assertEquals(pool.trim(), 0);
    pool.check();
    for (const [place, block] of kept.entries()) assertMarked(block, place * 8);
    for (const _ of kept) {
      const zeros = present(pool.calloc(7, BLOCK));
      assert(new Uint8Array(zeros).every((byte) => byte === 0));
      new Uint8Array(zeros).fill(9);
    }
    assertEquals(pool.trim(), 0, "nothing is free");
  }, { blockSize: BLOCK }),
);

test(
  "trim - returns the memory of a run again after the run was used again, and calloc zeroes it",
  withPool((pool) => {
    present(pool.alloc(BLOCK));
    const used = present(pool.alloc(62 * BLOCK));
    present(pool.alloc(BLOCK)); // keeps the free run away from the end
    new Uint8Array(used).fill(1);
    pool.free(used);
    const returned = pool.trim();
    const half = present(pool.alloc(31 * BLOCK));
    new Uint8Array(half).fill(2);
    pool.free(half);
    const zeros = present(pool.calloc(62, BLOCK));
    assert(new Uint8Array(zeros).every((byte) => byte === 0));
    pool.free(zeros);
    const returnedAgain = pool.trim();
    assert(returnedAgain > 0 && returnedAgain <= returned, `${returned} at first, ${returnedAgain} later`);
  }, { blockSize: BLOCK }),
);

test("trim - returns the memory of the blocks in workers' caches", () =>
  withPoolWorkers(1, { blocks: 64, blockSize: PAGE, cachedBlocks: 32, checked: false }, async (pool, [worker]) => {
    const made = await worker!.order<[]>({ ask: "produce", count: 20, seed: 1, as: "offset" });
    await worker!.order({ ask: "consume", parcels: made });
    assert((await worker!.order<{ cachedBlocks: number }>({ ask: "stats" })).cachedBlocks > 0);
    const returned = pool.trim();
    assert(returned >= 20 * PAGE && returned % PAGE === 0, `returned ${returned} bytes`);
    assertEquals(pool.stats().cachedBlocks, 0);
  }));
