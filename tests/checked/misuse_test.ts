/**
 * Checked pools: every use of a freed block is found, even after the block was allocated again. The error has the
 * stacks of the allocation, of the first free and of this use.
 */

import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { MemPool } from "mempool";
import {
  allocateElsewhere,
  allocateHere,
  allocateOffsetHere,
  assertDoubleFree,
  assertMessage,
  assertMisuse,
  CHECKED,
  freeHere,
  freeManyHere,
  freeOffsetHere,
  reallocHere,
} from "./_checked.ts";
import { test } from "../support/harness.ts";
import {
  assertOneFreeRun,
  assertRefused,
  lastingStats,
  makePool,
  present,
  thrownBy,
  warningsOf,
  withPool,
} from "../support/pool.ts";

function reallocOffsetHere(pool: MemPool, offset: number, bytes: number): void {
  pool.reallocOffset(offset, bytes);
}

function freeElsewhere(pool: MemPool, block: ArrayBuffer): void {
  pool.free(block);
}

/** The ways to free a buffer, with the function that is the innermost frame of their stacks. */
const FREES: Readonly<
  Record<string, readonly [where: string, free: (pool: MemPool, block: ArrayBuffer, view: Uint8Array) => void]>
> = {
  "free": ["freeHere", (pool, block) => freeHere(pool, block)],
  "free of a view": ["freeHere", (pool, _, view) => freeHere(pool, view)],
  "freeMany": ["freeManyHere", (pool, block) => freeManyHere(pool, block)],
  "freeMany of a view": ["freeManyHere", (pool, _, view) => freeManyHere(pool, view)],
  "freeOffset": ["freeOffsetHere", (pool) => freeOffsetHere(pool, 0)],
};

for (const [first, [firstWhere, freeFirst]] of Object.entries(FREES)) {
  for (const [second, [secondWhere, freeAgain]] of Object.entries(FREES)) {
    test(
      `checked - ${second} after ${first} throws with three stacks and changes nothing`,
      withPool((pool) => {
        for (const bytes of [50, 150]) {
          const block = allocateHere(pool, bytes);
          const view = new Uint8Array(block, 4);
          freeFirst(pool, block, view);
          const before = lastingStats(pool);
          for (let time = 0; time < 3; time++) {
            assertDoubleFree(() => freeAgain(pool, block, view), 0, "allocateHere", firstWhere, secondWhere);
          }
          assertEquals(lastingStats(pool), before);
        }
        assertOneFreeRun(pool);
      }, CHECKED),
    );
  }
}

/** What happens to a block after its first free. In the end, it may be allocated or free. */
const MEANWHILE: Readonly<Record<string, (pool: MemPool) => void>> = {
  "allocated again": (pool) => void allocateElsewhere(pool),
  "allocated as part of a run": (pool) => void allocateElsewhere(pool, 500),
  "allocated by offset": (pool) => void pool.allocOffset(50),
  "allocated and freed again": (pool) => freeElsewhere(pool, allocateElsewhere(pool)),
  "allocated and freed many times": (pool) => {
    for (let time = 0; time < 100; time++) freeElsewhere(pool, allocateElsewhere(pool, 1 + time));
  },
  "allocated and freed many times, and then allocated": (pool) => {
    for (let time = 0; time < 100; time++) pool.freeOffset(pool.allocOffset(1 + time));
    allocateElsewhere(pool);
  },
  "allocated and moved away": (pool) => {
    const again = allocateElsewhere(pool);
    allocateElsewhere(pool);
    pool.realloc(again, 500);
  },
};

for (const [meanwhile, act] of Object.entries(MEANWHILE)) {
  test(
    `checked - free of a stale buffer is found after its block was ${meanwhile}, and changes nothing`,
    withPool((pool) => {
      const block = allocateHere(pool);
      const view = new Uint8Array(block);
      freeHere(pool, block);
      act(pool);
      const before = lastingStats(pool);
      for (const stale of [block, view]) {
        assertDoubleFree(() => freeHere(pool, stale), 0, "allocateHere", "freeHere", "freeHere");
        assertDoubleFree(() => freeManyHere(pool, stale), 0, "allocateHere", "freeHere", "freeManyHere");
        assertFalse(pool.owns(stale));
      }
      assertEquals(lastingStats(pool), before);
    }, CHECKED),
  );
}

test(
  "checked - each stale buffer over a block that was allocated several times has its own stacks",
  withPool((pool) => {
    const here = allocateHere(pool);
    freeElsewhere(pool, here);
    const elsewhere = allocateElsewhere(pool);
    freeHere(pool, elsewhere);
    const last = allocateHere(pool);
    assertDoubleFree(() => freeHere(pool, here), 0, "allocateHere", "freeElsewhere", "freeHere");
    assertDoubleFree(() => freeHere(pool, elsewhere), 0, "allocateElsewhere", "freeHere", "freeHere");
    freeElsewhere(pool, last);
    assertDoubleFree(() => freeHere(pool, here), 0, "allocateHere", "freeElsewhere", "freeHere");
    assertDoubleFree(() => freeOffsetHere(pool, 0), 0, "allocateHere", "freeElsewhere", "freeOffsetHere");
  }, CHECKED),
);

/** New lengths for a buffer of 100 bytes in two blocks. If `walled`, the block behind it is allocated. */
const RESIZES: readonly (readonly [how: string, bytes: number, walled: boolean])[] = [
  ["moves", 300, true],
  ["grows in place", 300, false],
  ["shrinks to one block", 20, true],
  ["shrinks within its blocks", 90, true],
  ["grows within its blocks", 128, true],
];

for (const [how, bytes, walled] of RESIZES) {
  test(
    `checked - the old buffer of a realloc that ${how} is stale, and its error has the stack of the realloc`,
    withPool((pool) => {
      const block = allocateHere(pool, 100);
      if (walled) pool.allocOffset(1);
      const view = new Uint8Array(block);
      const resized = reallocHere(pool, block, bytes);
      for (const stale of [block, view]) {
        assertDoubleFree(() => freeHere(pool, stale), 0, "allocateHere", "reallocHere", "freeHere");
      }
      assert(pool.owns(resized));
      const offset = pool.offsetOf(resized);
      freeHere(pool, resized);
      assertDoubleFree(() => freeHere(pool, resized), offset, "reallocHere", "freeHere", "freeHere");
      assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "reallocHere", "freeHere");
    }, CHECKED),
  );

  test(
    `checked - a buffer over the offset is stale after a reallocOffset that ${how}`,
    withPool((pool) => {
      const offset = allocateOffsetHere(pool);
      reallocOffsetHere(pool, offset, 100);
      if (walled) pool.allocOffset(1);
      const block = pool.at(offset);
      reallocOffsetHere(pool, offset, bytes);
      assertFalse(pool.owns(block));
      assertEquals(block.detached, true);
      if (how === "moves") {
        const stacks = ["reallocOffsetHere", "reallocOffsetHere", "freeOffsetHere"] as const;
        assertDoubleFree(() => freeOffsetHere(pool, offset), 0, ...stacks);
      }
    }, CHECKED),
  );
}

test("checked - the old buffer of a realloc that slides down is stale", () => {
  using pool = makePool({ ...CHECKED, blocks: 8 });
  const before = present(pool.alloc(128));
  const block = allocateHere(pool, 192);
  const behind = present(pool.alloc(192));
  pool.free(before);
  const slid = reallocHere(pool, block, 320);
  assertEquals(pool.offsetOf(slid), 0);
  assertDoubleFree(() => freeHere(pool, block), 128, "allocateHere", "reallocHere", "freeHere");
  assertEquals(pool.leaks().map(({ offset, byteLength }) => [offset, byteLength]), [[384 - 64, 192], [0, 320]]);
  pool.freeMany([slid, behind]);
});

test(
  "checked - a buffer that realloc left unchanged or returned is not stale",
  withPool((pool) => {
    const block = allocateHere(pool, 100);
    assertEquals(pool.realloc(block, 10_000), null);
    assertEquals(pool.realloc(block, 100), block);
    assert(pool.owns(block));
    freeHere(pool, block);
    assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "freeHere", "freeHere");
  }, CHECKED),
);

function locateHere(pool: MemPool, block: ArrayBuffer): void {
  pool.offsetOf(block);
}

function lookHere(pool: MemPool, offset: number): void {
  pool.at(offset);
}

test(
  "checked - realloc, offsetOf and at refuse stale buffers and name their own action, and owns returns false",
  withPool((pool) => {
    const block = allocateHere(pool);
    freeHere(pool, block);
    const stacks = [["allocated", "allocateHere"], ["first freed", "freeHere"]] as const;
    const free = "block at offset 0: it is already free";
    assertMisuse(() => lookHere(pool, 0), `Cannot look at ${free}`, [...stacks, ["now to look at it", "lookHere"]]);
    const assertStale = (): void => {
      const reallocated = ["now to reallocate it", "reallocHere"] as const;
      assertMisuse(() => reallocHere(pool, block, 80), `Cannot reallocate ${free}`, [...stacks, reallocated]);
      assertMisuse(() => locateHere(pool, block), `Cannot locate ${free}`, [...stacks, [
        "now to locate it",
        "locateHere",
      ]]);
      assertFalse(pool.owns(block));
    };
    assertStale();
    const again = allocateElsewhere(pool);
    assertStale();
    assert(pool.owns(again));
    freeElsewhere(pool, again);
    assertStale();
  }, CHECKED),
);

test(
  "checked - freeMany of one block twice reports both frees in this call, and frees nothing",
  withPool((pool) => {
    const [one, other] = [allocateHere(pool), allocateHere(pool)];
    const view = new Uint8Array(one);
    for (const again of [one, view]) {
      assertDoubleFree(() => freeManyHere(pool, one, other, again), 0, "allocateHere", "freeManyHere", "freeManyHere");
    }
    assertEquals([one.detached, other.detached, pool.stats().allocatedBlocks], [false, false, 2]);
    freeManyHere(pool, other, view);
    assertOneFreeRun(pool);
  }, CHECKED),
);

test(
  "checked - freeMany with a stale buffer among good ones throws and frees nothing",
  withPool((pool) => {
    const stale = allocateHere(pool);
    freeHere(pool, stale);
    const good = [allocateElsewhere(pool), allocateElsewhere(pool)] as const;
    for (const blocks of [[stale, ...good], [good[0], stale, good[1]], [...good, stale]]) {
      assertDoubleFree(() => freeManyHere(pool, ...blocks), 0, "allocateHere", "freeHere", "freeManyHere");
      for (const block of good) assert(pool.owns(block) && !block.detached);
    }
    freeManyHere(pool, ...good);
    assertOneFreeRun(pool);
  }, CHECKED),
);

test(
  "checked - a block that was never allocated has no stacks, and a block inside a run those of its last own allocation",
  withPool((pool) => {
    const line = "Cannot free block at offset 64: it is already free";
    const error = (act: () => unknown): string => (thrownBy(act) as Error).message;
    assertEquals(error(() => pool.freeOffset(64)), line);
    const run = allocateHere(pool, 300);
    const inside = "Cannot free offset 64: it lies inside the block that starts at offset 0";
    assertEquals(error(() => pool.freeOffset(64)), inside);
    freeHere(pool, run);
    const [before, single] = [allocateElsewhere(pool), allocateElsewhere(pool)];
    freeManyHere(pool, before, single);
    const again = allocateHere(pool, 300);
    assertEquals(error(() => pool.freeOffset(64)), inside);
    freeHere(pool, again);
    assertDoubleFree(() => freeOffsetHere(pool, 64), 64, "allocateElsewhere", "freeManyHere", "freeOffsetHere");
  }, CHECKED),
);

test(
  "checked - a double free by offset is found while the block is free",
  withPool((pool) => {
    const offset = allocateOffsetHere(pool);
    freeOffsetHere(pool, offset);
    for (let time = 0; time < 2; time++) {
      assertDoubleFree(() => freeOffsetHere(pool, offset), 0, "allocateOffsetHere", "freeOffsetHere", "freeOffsetHere");
    }
    // An offset is only a number. After the block is allocated again, this free cannot be told from a correct one.
    assertEquals(allocateOffsetHere(pool), offset);
    freeOffsetHere(pool, offset);
    assertOneFreeRun(pool);
  }, CHECKED),
);

test(
  "checked - transfer makes the old buffer foreign, and the new buffer is the block until it is freed",
  withPool((pool) => {
    const block = allocateHere(pool);
    const moved = block.transfer();
    const foreign = "Cannot free an object (ArrayBuffer): it was moved or freed elsewhere, the buffer is detached";
    assertRefused(() => pool.free(block), "foreign-block", foreign);
    freeHere(pool, moved);
    allocateElsewhere(pool);
    for (const stale of [moved, block]) {
      assertDoubleFree(() => freeHere(pool, stale), 0, "allocateHere", "freeHere", "freeHere");
    }
  }, CHECKED),
);

test("checked - a worker that closes the pool and attaches again still recognizes its stale buffers", () => {
  let pool = makePool(CHECKED);
  const stale = allocateHere(pool);
  freeHere(pool, stale);
  const kept = allocateElsewhere(pool);
  const reattach = (): void => {
    const { handle } = pool;
    pool.close();
    pool = MemPool.attach(handle);
  };
  reattach();
  assertDoubleFree(() => freeHere(pool, stale), 0, "allocateHere", "freeHere", "freeHere");
  freeOffsetHere(pool, 0);
  allocateHere(pool);
  reattach();
  assertDoubleFree(() => freeHere(pool, kept), 0, "allocateElsewhere", "freeOffsetHere", "freeHere");
  warningsOf(() => pool.destroy());
});

test("checked - a stale buffer of another checked pool is foreign", () => {
  using pool = makePool(CHECKED);
  using other = makePool(CHECKED);
  const stale = allocateHere(other);
  freeHere(other, stale);
  const foreign = "Cannot free an object (ArrayBuffer): it was moved or freed elsewhere, the buffer is detached";
  assertRefused(() => pool.free(stale), "foreign-block", foreign);
  assertRefused(() => pool.freeMany([stale]), "foreign-block", foreign);
});

test(
  "checked - with onMisuse warn, the warning has the stacks and the call changes nothing",
  withPool((pool) => {
    const block = allocateHere(pool);
    freeHere(pool, block);
    const again = allocateElsewhere(pool);
    const stacks = [["allocated", "allocateHere"], ["first freed", "freeHere"]] as const;
    const line = "mempool: potential double free. Cannot free block at offset 0: it is already free";
    for (const [where, act] of [["freeHere", freeHere], ["freeManyHere", freeManyHere]] as const) {
      const warnings = warningsOf(() => act(pool, block));
      assertEquals([warnings.length, warnings[0]?.length], [1, 1]);
      assertMessage(String(warnings[0]![0]), line, [...stacks, ["freed again", where]]);
    }
    assert(pool.owns(again));
    freeElsewhere(pool, again);
    assertEquals(warningsOf(() => freeOffsetHere(pool, 0)).length, 1);
    assertOneFreeRun(pool);
  }, { ...CHECKED, onMisuse: "warn" }),
);

test(
  "checked - leaks returns stacks that consist of the caller's frames",
  withPool((pool) => {
    allocateHere(pool);
    const [leak] = pool.leaks();
    const frames = leak!.stack.split("\n");
    assert(frames.length > 1 && frames.every((frame) => frame.startsWith("    at ")), leak!.stack);
    assertStringIncludes(frames[0]!, "allocateHere");
    assertFalse(leak!.stack.includes("/src/"), leak!.stack);
  }, CHECKED),
);
