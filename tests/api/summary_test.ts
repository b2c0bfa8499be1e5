/** The line that console.log prints for a pool. */

import { assert, assertEquals } from "@std/assert";
import { GIGABYTE, KILOBYTE, MEGABYTE, MemPool } from "mempool";
import { inspect, stripVTControlCharacters } from "node:util";
import { FREE_BLOCKS, SLOT_TOP, STATE } from "../../src/region/layout.ts";
import { slotWord } from "../../src/region/worker_slots.ts";
import { withPoolWorkers } from "../support/pool_workers.ts";
import { test } from "../support/harness.ts";
import { destroyQuietly, insideOf, makePool, present, withPool } from "../support/pool.ts";

/** The runtime's own inspector, which console.log uses. It accepts the same options as that of node:util. */
type Inspector = (value: unknown, options?: { depth?: number; colors?: boolean }) => string;

interface Host {
  readonly Deno?: { readonly inspect: Inspector };
  readonly Bun?: { readonly inspect: Inspector };
}

const host = globalThis as Host;
const ownInspector = (host.Deno ?? host.Bun)?.inspect;
const INSPECTORS: readonly Inspector[] = ownInspector === undefined ? [inspect] : [inspect, ownInspector];

/** Expects every inspector to show the pool as this text. */
function assertShown(pool: unknown, expected: string): void {
  for (const show of INSPECTORS) assertEquals(show(pool), expected);
}

test(
  "summary - describes a new pool",
  withPool((pool) => {
    assertShown(pool, "MemPool { size: 4 KiB, blocks: 64 × 64 B, allocated: 0, cached: 0, free: 64, workers: 1 }");
  }),
);

test(
  "summary - describes a pool whose state was overwritten",
  withPool((pool) => {
    const { header } = insideOf(pool).region;
    const state = header[STATE]!;
    header[STATE] = 7;
    try {
      assertShown(pool, "MemPool { size: 4 KiB, blocks: 64 × 64 B, allocated: 0, cached: 0, free: 64, workers: 1 }");
    } finally {
      header[STATE] = state;
    }
  }),
);

test(
  "summary - shows the counts of stats",
  withPool((pool) => {
    const blocks = [1, 640, 64, 64].map((bytes) => present(pool.alloc(bytes)));
    pool.free(blocks[0]!);
    const { allocatedBlocks, cachedBlocks, freeBlocks } = pool.stats();
    const counts = `allocated: ${allocatedBlocks}, cached: ${cachedBlocks}, free: ${freeBlocks}`;
    assertShown(pool, `MemPool { size: 4 KiB, blocks: 64 × 64 B, ${counts}, workers: 1 }`);
  }, { cachedBlocks: 8 }),
);

test("summary - includes the blocks in other workers' caches and in the depot", () =>
  withPoolWorkers(2, { cachedBlocks: 8, blockSize: 512, checked: false }, async (pool, workers) => {
    for (const worker of workers) await worker.order({ ask: "produce", count: 5, seed: 1, as: "offset" });
    for (let block = 0; block < 64; block++) pool.allocOffset(1);
    for (const { offset, state } of pool.blocks()) if (state === "allocated") pool.freeOffset(offset);
    assert(insideOf(pool).region.depot.count > 0);
    const { allocatedBlocks, cachedBlocks, freeBlocks } = pool.stats();
    const counts = `allocated: ${allocatedBlocks}, cached: ${cachedBlocks}, free: ${freeBlocks}, workers: 3`;
    assertShown(pool, `MemPool { size: 32 KiB, blocks: 64 × 512 B, ${counts} }`);
  }));

test("summary - shows sizes in the largest unit that they reach", () => {
  for (
    const [size, blockSize, shown] of [
      [1000, 50, "size: 960 B, blocks: 15 × 64 B"],
      [1_000_000, 1000, "size: 976.5 KiB, blocks: 992 × 1008 B"],
      [64 * MEGABYTE, 256, "size: 64 MiB, blocks: 262144 × 256 B"],
      [6 * GIGABYTE, 100 * KILOBYTE, "size: 6 GiB, blocks: 62914 × 100 KiB"],
      [2 ** 41, 1.5 * MEGABYTE, "size: 2 TiB, blocks: 1398101 × 1.5 MiB"],
    ] as const
  ) {
    using pool = MemPool.init(size, blockSize);
    assert(inspect(pool).startsWith(`MemPool { ${shown}, allocated: 0`), inspect(pool));
  }
});

test("summary - shows maxSize until the pool has grown to it", () => {
  using pool = MemPool.init(4096, 64, { maxSize: 8192, cachedBlocks: 0 });
  const counts = "allocated: 0, cached: 0, free: 64, workers: 1";
  assertShown(pool, `MemPool { size: 4 KiB, blocks: 64 × 64 B, maxSize: 8 KiB, ${counts} }`);
  pool.alloc(8192);
  assertShown(pool, "MemPool { size: 8 KiB, blocks: 128 × 64 B, allocated: 128, cached: 0, free: 0, workers: 1 }");
});

test(
  "summary - shows a closed pool as closed and a destroyed pool as destroyed",
  withPool((pool) => {
    const joined = MemPool.attach(pool.handle);
    joined.close();
    assertShown(joined, "MemPool { closed, size: 4 KiB, blocks: 64 × 64 B }");
    const other = MemPool.attach(pool.handle);
    destroyQuietly(pool);
    for (const closed of [pool, other]) assertShown(closed, "MemPool { destroyed, size: 4 KiB, blocks: 64 × 64 B }");
  }),
);

test("summary - shows that another worker has destroyed the pool", () =>
  withPoolWorkers(1, {}, async (pool, [worker]) => {
    await worker!.order({ ask: "destroy" });
    assertShown(pool, "MemPool { destroyed, size: 4 KiB, blocks: 64 × 64 B }");
  }));

test("summary - neither waits nor fails while another worker holds the lock", () =>
  withPoolWorkers(1, { lockTimeout: 2 ** 31 - 1 }, async (pool, [worker]) => {
    await worker!.order({ ask: "hold" });
    assertShown(pool, "MemPool { size: 4 KiB, blocks: 64 × 64 B, allocated: 0, cached: 0, free: 64, workers: 2 }");
    await worker!.order({ ask: "leave" });
  }));

test("summary - shows counts that add up when the region is corrupt", () => {
  const pool = makePool({ lockTimeout: 10 });
  const { header } = insideOf(pool).region;
  header.fill(-1, 0, 32); // the lock itself
  const start = "MemPool { size: 4 KiB, blocks: 64 × 64 B, allocated:";
  for (
    const [free, top, counts] of [
      [-5, 0, "64, cached: 0, free: 0"],
      [1000, 0, "0, cached: 0, free: 64"],
      [
        60,
        -7,
        "4, cached: 0, free: 60",
      ],
      [60, 10, "0, cached: 10, free: 54"],
      [60, 1000, "0, cached: 64, free: 0"],
    ] as const
  ) {
    header[FREE_BLOCKS] = free;
    header[slotWord(0) + SLOT_TOP] = top;
    assertShown(pool, `${start} ${counts}, workers: 1 }`);
  }
  pool.destroy();
});

test(
  "summary - changes nothing",
  withPool((pool) => {
    const { lockAcquisitions } = pool.stats();
    for (const show of INSPECTORS) show(pool);
    assertEquals(pool.stats().lockAcquisitions, lockAcquisitions + 1);
  }),
);

test("summary - appears inside other objects, as deep as the inspector goes", () => {
  using pool = makePool();
  const line = inspect(pool);
  for (const show of INSPECTORS) {
    assert(show({ within: [pool, 1] }).includes(line));
    assert(!show({ a: { b: { c: { d: { e: { f: pool } } } } } }, { depth: 2 }).includes("MemPool"));
  }
  assertEquals(inspect([pool], { depth: 0 }), "[ [MemPool] ]");
});

test("summary - has colours when the inspector has them", () => {
  using pool = makePool();
  for (const show of INSPECTORS) {
    const coloured = show(pool, { colors: true });
    assert(coloured.includes("\x1b["), "no colours");
    assertEquals(stripVTControlCharacters(coloured), show(pool));
  }
});

test("summary - shows only the class name for an object that inherits from a pool", () => {
  using pool = makePool();
  assertShown(Object.create(pool), "MemPool {}");
  // The text for these depends on the inspector.
  for (const other of [MemPool.prototype, new Proxy(pool, {})]) {
    for (const show of INSPECTORS) assertEquals(typeof show(other), "string");
  }
});

test("summary - is not an enumerable property", () => {
  using pool = makePool();
  assertEquals([Object.keys(pool), { ...pool }], [[], {}]);
  const names: unknown[] = [];
  for (const name in pool) names.push(name);
  assertEquals(names, []);
});
