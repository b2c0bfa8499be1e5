/** pool.lease: a block that is freed at the end of its scope, and what may happen to the block or the pool before. */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { type Lease, MemPool } from "mempool";
import { withPoolWorkers } from "../support/pool_workers.ts";
import { test } from "../support/harness.ts";
import {
  assertError,
  assertMarked,
  assertOneFreeRun,
  assertRefused,
  destroyQuietly,
  mark,
  type PoolShape,
  present,
  thrownBy,
  warningsOf,
  withoutStacks,
  withPool,
} from "../support/pool.ts";

const FREED = "Cannot free block at offset 0: it is already free";

/** With and without a worker cache. */
const SHAPES: Readonly<Record<string, PoolShape>> = { "blocks cached": { cachedBlocks: 8 }, "none cached": {} };

function dispose(lease: Lease): void {
  lease[Symbol.dispose]();
}

function allocated(pool: MemPool): number {
  return pool.stats().allocatedBlocks;
}

for (const [name, shape] of Object.entries(SHAPES)) {
  test(
    `lease - frees its block at the end of the scope, ${name}`,
    withPool((pool) => {
      for (const bytes of [1, 64, 500]) {
        {
          using lease = present(pool.lease(bytes));
          assertEquals([lease.buffer.byteLength, pool.owns(lease.buffer)], [bytes, true]);
          mark(lease.buffer, bytes);
          assertEquals(allocated(pool), Math.ceil(bytes / 64));
        }
        assertEquals(allocated(pool), 0);
      }
      assertEquals([pool.stats().allocs, pool.stats().frees], [3, 3]);
    }, shape),
  );

  test(
    `lease - frees its block when an error, a return or a break leaves the scope, ${name}`,
    withPool((pool) => {
      const onPurpose = new Error("on purpose");
      const fail = (): never => {
        using lease = present(pool.lease(100));
        assertEquals(pool.owns(lease.buffer), true);
        throw onPurpose;
      };
      assertStrictEquals(thrownBy(fail), onPurpose);
      const lengthOf = (): number => {
        using lease = present(pool.lease(10));
        return lease.buffer.byteLength;
      };
      assertEquals(lengthOf(), 10);
      for (let round = 0; round < 100; round++) {
        using _one = present(pool.lease(10));
        using _other = present(pool.lease(2000));
        if (round === 90) break;
      }
      assertEquals(allocated(pool), 0);
    }, shape),
  );

  test(
    `lease - does nothing at a second disposal, also when the block is allocated again, ${name}`,
    withPool((pool) => {
      const lease = present(pool.lease(50));
      dispose(lease);
      const block = present(pool.alloc(50));
      assertEquals(pool.offsetOf(block), 0);
      mark(block, 1);
      dispose(lease);
      dispose(lease);
      assertMarked(block, 1);
      assertEquals([allocated(pool), pool.stats().frees], [1, 1]);
      pool.free(block);
    }, shape),
  );

  test(
    `lease - reports a double free once when its block was freed before, ${name}`,
    withPool((pool) => {
      const lease = present(pool.lease(50));
      pool.free(lease.buffer);
      assertRefused(() => dispose(lease), "double-free", FREED);
      dispose(lease);
      assertEquals(allocated(pool), 0);
    }, shape),
  );

  test(
    `lease - frees the buffer that the caller assigned after realloc, ${name}`,
    withPool((pool) => {
      for (const [before, after] of [[50, 60], [50, 500], [500, 50]] as const) {
        using lease = present(pool.lease(before));
        using _wall = present(pool.lease(64));
        mark(lease.buffer, 1);
        lease.buffer = present(pool.realloc(lease.buffer, after));
        assertEquals(lease.buffer.byteLength, after);
        assertMarked(lease.buffer, 1, Math.min(before, after));
        assertEquals(pool.realloc(lease.buffer, 5000), null); // the block is unchanged and still leased
      }
      assertEquals(allocated(pool), 0);
      pool.check();
    }, shape),
  );

  test(
    `lease - reports a double free when the caller did not assign the buffer that realloc returned, ${name}`,
    withPool((pool) => {
      const lease = present(pool.lease(50));
      const wall = present(pool.alloc(64));
      const moved = present(pool.realloc(lease.buffer, 500));
      assertRefused(() => dispose(lease), "double-free", FREED);
      assertEquals([pool.owns(moved), allocated(pool)], [true, 9]);
      pool.freeMany([moved, wall]);
    }, shape),
  );
}

test(
  "lease - returns null when no run fits, which `using` accepts",
  withPool((pool) => {
    using all = pool.lease(pool.size);
    using none = pool.lease(1);
    assertEquals([all?.buffer.byteLength, none], [4096, null]);
  }),
);

test(
  "lease - prints a warning when its block was freed before, with onMisuse: warn",
  withPool((pool) => {
    const lease = present(pool.lease(50));
    pool.free(lease.buffer);
    const warnings = warningsOf(() => dispose(lease)).flat().map((line) => withoutStacks(String(line)));
    assertEquals(warnings, [`mempool: potential double free. ${FREED}`]);
  }, { onMisuse: "warn" }),
);

test(
  "lease - reports a double free beside the error that left the scope",
  withPool((pool) => {
    const onPurpose = new Error("on purpose");
    const error = thrownBy(() => {
      using lease = present(pool.lease(50));
      pool.free(lease.buffer);
      throw onPurpose;
    });
    assertInstanceOf(error, SuppressedError);
    assertStrictEquals(error.suppressed, onPurpose);
    assertRefused(
      () => {
        throw error.error;
      },
      "double-free",
      FREED,
    );
  }),
);

test(
  "lease - does not free a block that was freed and allocated again, in a checked pool",
  withPool((pool) => {
    const lease = present(pool.lease(50));
    pool.free(lease.buffer);
    const block = present(pool.alloc(50));
    assertRefused(() => dispose(lease), "double-free", FREED);
    assertEquals(pool.owns(block), true);
    pool.free(block);
  }, { checked: true }),
);

test(
  "lease - reports a foreign block when its buffer was transferred, and leaves the block to the receiver",
  withPool((pool) => {
    const lease = present(pool.lease(50));
    mark(lease.buffer, 1);
    const received = structuredClone(lease.buffer, { transfer: [lease.buffer] });
    const message = "Cannot free an object (ArrayBuffer): it was moved or freed elsewhere, the buffer is detached";
    assertRefused(() => dispose(lease), "foreign-block", message);
    assertMarked(received, 1);
    pool.free(received);
  }),
);

test(
  "lease - refuses an assigned value that is not a block, and does nothing at the second disposal",
  withPool((pool) => {
    const lease = present(pool.lease(50));
    const block = lease.buffer;
    lease.buffer = "mine" as unknown as ArrayBuffer;
    assertError(
      () => dispose(lease),
      TypeError,
      'Cannot free: block must be an ArrayBuffer or a view on one, got "mine"',
    );
    dispose(lease);
    pool.free(block);
  }),
);

test(
  "lease - can be moved to another scope by a DisposableStack",
  withPool((pool) => {
    let later: DisposableStack;
    {
      using stack = new DisposableStack();
      const one = stack.use(present(pool.lease(50)));
      stack.use(present(pool.lease(500)));
      later = stack.move();
      assert(pool.owns(one.buffer));
    }
    assertEquals(allocated(pool), 9);
    later.dispose();
    assertEquals(allocated(pool), 0);
  }),
);

/** Ways to end a pool before the lease ends. */
const ENDS: Readonly<Record<string, (pool: MemPool) => void>> = {
  "destroyed": (pool) => destroyQuietly(pool),
  "destroyed through another object": (pool) => destroyQuietly(MemPool.attach(pool.handle)),
  "disposed": (pool) => pool[Symbol.dispose](),
};

for (const [end, act] of Object.entries(ENDS)) {
  test(
    `lease - does nothing at disposal after the pool was ${end}`,
    withPool((pool) => {
      const leases = [50, 500].map((bytes) => present(pool.lease(bytes)));
      if (end === "disposed") warningsOf(() => act(pool));
      else act(pool);
      for (const lease of leases) {
        dispose(lease);
        dispose(lease);
      }
      assertEquals(pool.destroyed, true);
    }),
  );
}

test(
  "lease - does nothing at disposal after its pool object was closed, and leaves the block allocated",
  withPool((pool) => {
    const joined = MemPool.attach(pool.handle);
    const lease = present(joined.lease(50));
    const offset = pool.offsetOf(lease.buffer);
    joined.close();
    dispose(lease);
    assertEquals(allocated(pool), 1);
    pool.freeOffset(offset);
    dispose(lease);
    assertOneFreeRun(pool);
  }),
);

test("lease - does nothing at disposal after another worker destroyed the pool", () =>
  // A checked pool would print the leak in that worker.
  withPoolWorkers(1, { checked: false }, async (pool, [worker]) => {
    const lease = present(pool.lease(50));
    await worker!.order({ ask: "destroy" });
    dispose(lease);
    assertRefused(() => pool.lease(50), "destroyed", "Cannot allocate: the pool is destroyed");
  }));
