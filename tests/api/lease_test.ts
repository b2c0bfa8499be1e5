/** pool.lease: blocks that are freed where their scope ends, and what may have become of them before. */

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

/** As single blocks are cached by a worker, and as they are not. */
const SHAPES: Readonly<Record<string, PoolShape>> = { "blocks cached": { cachedBlocks: 8 }, "none cached": {} };

function dispose(lease: Lease): void {
  lease[Symbol.dispose]();
}

function allocated(pool: MemPool): number {
  return pool.stats().allocatedBlocks;
}

for (const [name, shape] of Object.entries(SHAPES)) {
  test(
    `lease - frees at the end of its scope, ${name}`,
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
    `lease - frees when the scope is left by an error, a return or a break, ${name}`,
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
    `lease - disposing again does nothing, whoever has the block by then, ${name}`,
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
    `lease - of a block that was freed before: the double free is told, once, ${name}`,
    withPool((pool) => {
      const lease = present(pool.lease(50));
      pool.free(lease.buffer);
      assertRefused(() => dispose(lease), "double-free", FREED);
      dispose(lease);
      assertEquals(allocated(pool), 0);
    }, shape),
  );

  test(
    `lease - moved by realloc: disposal frees the buffer that was put in its place, ${name}`,
    withPool((pool) => {
      for (const [before, after] of [[50, 60], [50, 500], [500, 50]] as const) {
        using lease = present(pool.lease(before));
        using _wall = present(pool.lease(64));
        mark(lease.buffer, 1);
        lease.buffer = present(pool.realloc(lease.buffer, after));
        assertEquals(lease.buffer.byteLength, after);
        assertMarked(lease.buffer, 1, Math.min(before, after));
        assertEquals(pool.realloc(lease.buffer, 5000), null); // untouched, and still the lease's
      }
      assertEquals(allocated(pool), 0);
      pool.check();
    }, shape),
  );

  test(
    `lease - moved by realloc and not told so: its buffer is no longer allocated, ${name}`,
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
  "lease - null when exhausted, which `using` takes",
  withPool((pool) => {
    using all = pool.lease(pool.size);
    using none = pool.lease(1);
    assertEquals([all?.buffer.byteLength, none], [4096, null]);
  }),
);

test(
  "lease - of a block that was freed before, in a pool that only warns",
  withPool((pool) => {
    const lease = present(pool.lease(50));
    pool.free(lease.buffer);
    const warnings = warningsOf(() => dispose(lease)).flat().map((line) => withoutStacks(String(line)));
    assertEquals(warnings, [`mempool: potential double free. ${FREED}`]);
  }, { onMisuse: "warn" }),
);

test(
  "lease - a double free in a scope that an error has left: both errors are told",
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
  "lease - a checked pool finds a block that was freed and handed out again, and leaves it to its holder",
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
  "lease - of a block that was posted away: it is its receiver's, and disposal says so",
  withPool((pool) => {
    const lease = present(pool.lease(50));
    mark(lease.buffer, 1);
    const received = structuredClone(lease.buffer, { transfer: [lease.buffer] });
    const message = "Cannot free an object (ArrayBuffer): it is not a block of this pool";
    assertRefused(() => dispose(lease), "foreign-block", message);
    assertMarked(received, 1);
    pool.free(received);
  }),
);

test(
  "lease - of something else put in its place: refused as free refuses it, and not freed the second time",
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
  "lease - in a stack of disposables, and handed on by it",
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

/** How a pool may end before a lease does. */
const ENDS: Readonly<Record<string, (pool: MemPool) => void>> = {
  "destroyed": (pool) => destroyQuietly(pool),
  "destroyed through another object": (pool) => destroyQuietly(MemPool.attach(pool.handle)),
  "disposed of": (pool) => pool[Symbol.dispose](),
};

for (const [end, act] of Object.entries(ENDS)) {
  test(
    `lease - of a pool that was ${end} before: disposal does nothing`,
    withPool((pool) => {
      const leases = [50, 500].map((bytes) => present(pool.lease(bytes)));
      if (end === "disposed of") warningsOf(() => act(pool));
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
  "lease - of a pool object that was closed before: disposal does nothing, the block stays for others",
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

test("lease - of a pool that another worker destroyed before: disposal does nothing", () =>
  // A checked pool would print the leak in that worker.
  withPoolWorkers(1, { checked: false }, async (pool, [hand]) => {
    const lease = present(pool.lease(50));
    await hand!.order({ ask: "destroy" });
    dispose(lease);
    assertRefused(() => pool.lease(50), "destroyed", "Cannot allocate: the pool is destroyed");
  }));
