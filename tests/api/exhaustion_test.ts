import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  lastingStats,
  makePool,
  mark,
  type PoolShape,
  present,
  withPool,
} from "../support/pool.ts";
import { forAll } from "../support/random.ts";
import { takeAll } from "../support/take_all.ts";

/** Every other block first, then the rest: no two free blocks are adjacent until the second half. */
function everyOtherFirst<T>(all: readonly T[]): T[] {
  return [...all.filter((_, place) => place % 2 === 0), ...all.filter((_, place) => place % 2 === 1)];
}

const ORDERS: [string, <T>(all: readonly T[]) => T[]][] = [
  ["in order", (all) => [...all]],
  ["in reverse", (all) => all.toReversed()],
  ["every other block first", everyOtherFirst],
];

/** A checked pool is slower and has no worker caches. */
const KINDS: [string, PoolShape & { blocks: number }][] = [
  ["no blocks cached", { blocks: 2000, cachedBlocks: 0, checked: false }],
  ["64 blocks cached", { blocks: 2000, cachedBlocks: 64, checked: false }],
  ["checked", { blocks: effort(100, 300), checked: true }],
];

for (const [kind, shape] of KINDS) {
  for (const [order, arrange] of ORDERS) {
    test(
      `exhaustion - a pool is one free run after it was filled and freed ${order}, ${kind}`,
      withPool((pool) => {
        for (let round = 0; round < 3; round++) {
          const blocks = [...takeAll(() => pool.alloc(200))];
          assertEquals(blocks.length, shape.blocks);
          const { allocatedBlocks, cachedBlocks: cached, freeBlocks, largestFreeRun, fragmentation } = pool.stats();
          assertEquals([allocatedBlocks, cached, freeBlocks, largestFreeRun, fragmentation], [
            shape.blocks,
            0,
            0,
            0,
            0,
          ]);
          for (const block of arrange(blocks)) pool.free(block);
          assertEquals(pool.stats().largestFreeRun, shape.blocks);
          const whole = present(pool.alloc(pool.size));
          pool.free(whole);
        }
        assertOneFreeRun(pool);
      }, { ...shape, blockSize: 208 }),
    );
  }

  test(
    `exhaustion - allocOffset returns each offset once and then -1, ${kind}`,
    withPool((pool) => {
      const offsets = new Set(takeAll(() => pool.allocOffset(1)));
      assertEquals(offsets.size, shape.blocks);
      for (const offset of everyOtherFirst([...offsets])) pool.freeOffset(offset);
      assertOneFreeRun(pool);
    }, shape),
  );
}

test(
  "exhaustion - a request is served from free blocks in a worker's cache",
  withPool((pool) => {
    const blocks = present(pool.allocMany(64, 64));
    for (const block of blocks.slice(10, 40)) pool.free(block);
    const run = present(pool.alloc(30 * 64));
    assertEquals(pool.offsetOf(run), 640);
    assertEquals(pool.alloc(1), null);
    pool.free(run);
    pool.freeMany([...blocks.slice(0, 10), ...blocks.slice(40)]);
    assertOneFreeRun(pool);
  }, { cachedBlocks: 64 }),
);

test(
  "exhaustion - a request that does not fit changes nothing, however often it is made",
  withPool((pool) => {
    const keep = present(pool.alloc(10 * 64));
    const before = lastingStats(pool);
    const rounds = effort(200, 1000);
    for (let round = 0; round < rounds; round++) assertEquals(pool.alloc(54 * 64 + 1), null);
    assertEquals(lastingStats(pool), before);
    assertEquals(pool.stats().exhausted, rounds);
    pool.free(keep);
    assertOneFreeRun(pool);
  }),
);

test("exhaustion - blocks of mixed sizes fill the pool, keep their bytes, and leave one free run", () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 2000 })), {
    minLength: 300,
    maxLength: 300,
  });
  forAll(30, fc.record({ sizes, order: fc.infiniteStream(fc.nat()) }), ({ sizes, order }) => {
    using pool = makePool({ blocks: 1000 });
    const blocks: { block: ArrayBuffer; cookie: number }[] = [];
    for (const [cookie, bytes] of sizes.entries()) {
      const block = pool.alloc(bytes);
      if (block === null) {
        assert(pool.stats().largestFreeRun < Math.ceil(bytes / 64));
        continue;
      }
      mark(block, cookie);
      blocks.push({ block, cookie });
    }
    while (blocks.length > 0) {
      const [{ block, cookie }] = blocks.splice(order.next().value! % blocks.length, 1) as [typeof blocks[0]];
      assertMarked(block, cookie);
      pool.free(block);
    }
    assertOneFreeRun(pool);
  });
});

test("exhaustion - pools of 2 to 40 blocks can be filled and freed", () => {
  for (let blocks = 2; blocks <= 40; blocks++) {
    using pool = makePool({ blocks });
    const all = present(pool.allocMany(blocks, 64));
    assertEquals([pool.alloc(1), pool.allocMany(1, 1)], [null, null]);
    pool.freeMany(everyOtherFirst(all));
    pool.free(present(pool.alloc(blocks * 64)));
    assertOneFreeRun(pool);
  }
});
