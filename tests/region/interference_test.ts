/**
 * Models another worker that acts in the middle of an operation, often by mistake: it frees a block that is not its
 * own, or destroys the pool. The interleaving is the same in every run, because `once` (tests/support/once.ts) calls
 * the other worker's action from inside the operation.
 */

import { assertEquals } from "@std/assert";
import { MemPool } from "mempool";
import type { Attachment } from "../../src/attachment.ts";
import { openNative } from "../../src/runtime/open.ts";
import { AWAITED, CACHED, DESTROYED, LIVE, NEXT_WORKER, RELEASING, STATE, TAG } from "../../src/region/layout.ts";
import { isAllocated, makeTag, stateOf, workerOf } from "../../src/region/block_table.ts";
import { isLive } from "../../src/region/validate.ts";
import { test } from "../support/harness.ts";
import { beforeLocking, once } from "../support/once.ts";
import { plainHeader } from "../support/plain.ts";
import { assertMarked, assertRefused, insideOf, makePool, mark, present, withPool } from "../support/pool.ts";

/** The number of the other worker. */
const OTHER = 99;

/** The insides of a pool to which worker OTHER is attached too. */
function sharedInside(pool: MemPool): Attachment {
  const inside = insideOf(pool);
  inside.region.header[NEXT_WORKER] = OTHER + 1;
  inside.region.slots.take(OTHER, openNative().thread());
  return inside;
}

/** Frees a single block into the cache of worker OTHER, as `BlockCache.give` does there. */
function freeByOther(pool: MemPool, block: number): boolean {
  const { table } = insideOf(pool).region;
  return table.exchangeTag(block, table.loadTag(block), makeTag(CACHED, OTHER));
}

test(
  "interference - an allocMany that fails hands out no block, not even for a moment",
  withPool((pool) => {
    const { region } = insideOf(pool);
    const offsets = [0, 1, 2, 3].map(() => pool.allocOffset(1));
    pool.freeOffset(offsets[0]!);
    pool.freeOffset(offsets[2]!);
    once(region.table, "markAllocated", "after", () => {
      throw new Error("a block was handed out");
    });
    assertEquals(pool.allocMany(3, 1), null);
  }, { blocks: 4 }),
);

test(
  "interference - another worker frees the block while realloc moves it into the free run before: double free",
  withPool((pool) => {
    const { region } = sharedInside(pool);
    const before = pool.allocOffset(1);
    const block = pool.allocOffset(1);
    pool.allocOffset(1);
    pool.freeOffset(before);
    once(region.runs, "roomAround", "after", () => assertEquals(freeByOther(pool, 1), true));
    const refusal = `Cannot reallocate block at offset ${block}: it is already free`;
    assertRefused(() => pool.reallocOffset(block, 65), "double-free", refusal);
    assertEquals(stateOf(region.table.tag(1)), CACHED);
  }, { blocks: 3, checked: false }),
);

test(
  "interference - the old block is freed before realloc copies its bytes: the copy has the right length",
  withPool((pool) => {
    const { lock } = insideOf(pool);
    const block = present(pool.alloc(60));
    mark(block, 7);
    pool.allocOffset(1);
    // Then a link of the free list overwrites the word that said how many bytes the block holds.
    once(lock, "leave", "after", () => pool.freeOffset(0));
    assertMarked(present(pool.realloc(block, 100)), 7, 60);
  }, { checked: false }),
);

test(
  "interference - a block changes its owner during a freeMany that fails: it still belongs to the new owner",
  withPool((pool) => {
    const { table } = sharedInside(pool).region;
    const block = present(pool.alloc(1));
    const freed = present(pool.alloc(1));
    pool.free(freed);
    once(table, "loadTag", "after", () => table.set(0, TAG, makeTag(stateOf(table.tag(0)), OTHER)));
    assertRefused(
      () => pool.freeMany([block, freed]),
      "double-free",
      "Cannot free block at offset 64: it is already free",
    );
    assertEquals([workerOf(table.tag(0)), isAllocated(table.tag(0))], [OTHER, true]);
  }),
);

test(
  "interference - at() of a block that a failing freeMany has claimed for a moment succeeds",
  withPool((pool) => {
    const { region: { table }, lock } = insideOf(pool);
    const offset = pool.allocOffset(10);
    const tag = table.tag(0);
    table.set(0, TAG, RELEASING);
    beforeLocking(lock, () => table.set(0, TAG, tag));
    assertEquals(pool.at(offset).byteLength, 10);
  }),
);

test("interference - the pool is destroyed during at(): it throws destroyed, not double-free", () => {
  using pool = makePool();
  const { region } = insideOf(pool);
  const offset = pool.allocOffset(10);
  const tag = region.table.tag(0);
  // destroy() sets the state and then zeroes the table.
  once(region.table, "loadTag", "before", () => {
    region.header[STATE] = DESTROYED;
    region.table.set(0, TAG, 0);
  });
  assertRefused(() => pool.at(offset), "destroyed", "Cannot look at: the pool is destroyed");
  region.table.set(0, TAG, tag);
  region.header[STATE] = LIVE;
});

for (const [begins, before, after] of [["ceases", AWAITED, LIVE], ["begins", LIVE, AWAITED]] as const) {
  test(`interference - a worker ${begins} to wait while another one asks whether the pool is live: it is`, () => {
    let reads = 0;
    const header = new Proxy(plainHeader(1), { get: () => reads++ === 0 ? before : after });
    assertEquals(isLive(header), true);
  });
}

test("interference - attach to a pool that is being destroyed throws destroyed", () => {
  using pool = makePool();
  const { header } = insideOf(pool).region;
  header[STATE] = DESTROYED;
  const refusal = `Cannot attach to pool ${pool.handle.id}: it is destroyed`;
  assertRefused(() => MemPool.attach(pool.handle), "destroyed", refusal);
  header[STATE] = LIVE;
});

test(
  "interference - the block is freed during at(): double free, whatever its descriptor contains by then",
  withPool((pool) => {
    const { table } = insideOf(pool).region;
    const offset = pool.allocOffset(10);
    // Links of a free list overwrite the word that said how many bytes the block holds.
    once(table, "requested", "before", () => pool.freeOffset(offset));
    const refusal = "Cannot look at block at offset 0: it is already free";
    assertRefused(() => pool.at(offset), "double-free", refusal);
  }),
);

test(
  "interference - owns() of a block that a failing freeMany has claimed for a moment is true",
  withPool((pool) => {
    const { region: { table }, lock } = insideOf(pool);
    const block = present(pool.alloc(10));
    const tag = table.tag(0);
    table.set(0, TAG, RELEASING);
    beforeLocking(lock, () => table.set(0, TAG, tag));
    assertEquals(pool.owns(block), true);
  }, { checked: false }),
);
