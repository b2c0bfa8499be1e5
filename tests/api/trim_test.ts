/** Memory of free blocks goes back to the system, and is known to be zero when it comes again. */

import { assert, assertEquals } from "@std/assert";
import { GIGABYTE, MEGABYTE } from "mempool";
import { runChild } from "../support/child.ts";
import { withPoolWorkers } from "../support/pool_workers.ts";
import { canMeasure } from "../support/footprint.ts";
import { skip, test } from "../support/harness.ts";
import { assertMarked, mark, present, withPool } from "../support/pool.ts";
import type { TrimReport } from "./_trim_program.ts";

const PAGE = 4096;
/** In which neither a page is a block nor a block a page. */
const BLOCK = 3 * 1024;

const measuringTest = canMeasure ? test : skip("only Linux says in /proc what is resident");

measuringTest("trim - a pool of 1 GiB that was full: as resident as one that was never touched", async () => {
  const program = new URL("./_trim_program.ts", import.meta.url);
  const { untouched, filled, trimmed, given, again, holes } = JSON.parse(
    await runChild(program, [], 60_000),
  ) as TrimReport;
  assert(filled > untouched + 0.9 * GIGABYTE, `filled ${filled}, untouched ${untouched}`);
  assert(trimmed < 1.05 * untouched, `trimmed ${trimmed}, untouched ${untouched}`);
  assertEquals([given, again], [GIGABYTE, 0]);
  assert(holes.given > 3.5 * MEGABYTE, `${holes.given} of 4 MiB with holes`);
  assertEquals([holes.zeros, holes.kept], [true, true]);
});

test(
  "trim - keeps what is allocated, gives the rest by whole pages, and says so once",
  withPool((pool) => {
    const blocks = Array.from({ length: 64 }, () => present(pool.alloc(BLOCK)));
    for (const [cookie, block] of blocks.entries()) mark(block, cookie);
    const kept = blocks.filter((_, place) => place % 8 === 0);
    pool.freeMany(blocks.filter((_, place) => place % 8 !== 0));
    const given = pool.trim();
    assertEquals(given % PAGE, 0);
    assert(given >= 8 * (7 * BLOCK - 2 * PAGE) && given <= 8 * 7 * BLOCK, `gave ${given} bytes`);
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
  "trim - what is used again is no longer zero, and goes back again",
  withPool((pool) => {
    present(pool.alloc(BLOCK));
    const used = present(pool.alloc(62 * BLOCK));
    present(pool.alloc(BLOCK)); // so that the free run is not at the end
    new Uint8Array(used).fill(1);
    pool.free(used);
    const given = pool.trim();
    const half = present(pool.alloc(31 * BLOCK));
    new Uint8Array(half).fill(2);
    pool.free(half);
    const zeros = present(pool.calloc(62, BLOCK));
    assert(new Uint8Array(zeros).every((byte) => byte === 0));
    pool.free(zeros);
    const again = pool.trim();
    assert(again > 0 && again <= given, `${given} at first, ${again} later`);
  }, { blockSize: BLOCK }),
);

test("trim - takes what workers have cached", () =>
  withPoolWorkers(1, { blocks: 64, blockSize: PAGE, cachedBlocks: 32, checked: false }, async (pool, [hand]) => {
    const made = await hand!.order<[]>({ ask: "produce", count: 20, seed: 1, as: "offset" });
    await hand!.order({ ask: "consume", parcels: made });
    assert((await hand!.order<{ cachedBlocks: number }>({ ask: "stats" })).cachedBlocks > 0);
    const given = pool.trim();
    assert(given >= 20 * PAGE && given % PAGE === 0, `gave ${given} bytes`);
    assertEquals(pool.stats().cachedBlocks, 0);
  }));
