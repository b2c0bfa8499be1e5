/**
 * The lock: over a fake mapping, whose lock answers as a test tells it to, and over real pools whose lock another
 * thread holds.
 */

import { assertEquals } from "@std/assert";
import { CONTENDED, INHERITED, LOCKED, type Mapping, TIMED_OUT } from "../../src/runtime/native.ts";
import {
  DESTROYED,
  HOLDER,
  LENGTH,
  LOCK_ACQUISITIONS,
  LOCK_CONTENDED,
  NONE,
  OWNER_DEATHS,
  STATE,
} from "../../src/region/layout.ts";
import { Lock } from "../../src/allocator/lock.ts";
import type { Region } from "../../src/region/region.ts";
import { POOL_WORKER_FILE, spawnPoolWorker } from "../support/pool_workers.ts";
import { test } from "../support/harness.ts";
import type { Order } from "../support/orders.ts";
import { longestListed, plainRegion, take } from "../support/plain.ts";
import {
  assertError,
  assertOneFreeRun,
  assertRefused,
  insideOf,
  makePool,
  present,
  withPool,
  withPoolAsync,
} from "../support/pool.ts";

/** A mapping without memory. Its lock answers `status`. */
class FakeMapping implements Mapping {
  readonly meta = new ArrayBuffer(0);
  readonly dataBytes = 0;
  status = LOCKED;
  held = 0;

  lock(): number {
    if (this.status >= 0) this.held++;
    return this.status;
  }

  unlock(): void {
    this.held--;
  }

  buffer(): ArrayBuffer {
    return new ArrayBuffer(0);
  }

  offsetOf(): number {
    return -1;
  }

  exchange(): number {
    return 0;
  }

  grow(): boolean {
    return false;
  }

  discardData(): number {
    return 0;
  }

  discardMeta(): number {
    return 0;
  }

  zero(): void {}
  move(): void {}
  publish(): number {
    return 0;
  }

  destroy(): void {}
  close(): void {}
}

/** The lock of worker 7 over a fake mapping. Only thread 7000 runs. */
function fakeLock(): { mapping: FakeMapping; region: Region; lock: Lock } {
  const mapping = new FakeMapping();
  const region = plainRegion(16);
  return {
    mapping,
    region,
    lock: new Lock({ native: { alive: (thread) => thread === 7000 }, mapping, region, slot: NONE, number: 7 }),
  };
}

test("lock - enter sets the holder and counts, leave clears the holder", () => {
  const { mapping, region, lock } = fakeLock();
  lock.enter("try");
  assertEquals([mapping.held, region.header[HOLDER], region.counters[LOCK_ACQUISITIONS]], [1, 7, 1]);
  lock.leave();
  assertEquals([mapping.held, region.header[HOLDER], region.counters[LOCK_ACQUISITIONS]], [0, 0, 1]);
});

test("lock - counts each time that it was contended", () => {
  const { mapping, region, lock } = fakeLock();
  mapping.status = CONTENDED;
  lock.enter("try");
  lock.leave();
  assertEquals([region.counters[LOCK_CONTENDED], region.counters[OWNER_DEATHS], mapping.held], [1, 0, 0]);
});

test("lock - counts the death of a holder, and the next holder rebuilds what is derived", () => {
  const { mapping, region, lock } = fakeLock();
  take(region, 3);
  region.lists.clear();
  mapping.status = CONTENDED | INHERITED;
  lock.enter("try");
  lock.leave();
  assertEquals([region.counters[LOCK_CONTENDED], region.counters[OWNER_DEATHS], longestListed(region)], [1, 1, 13]);
});

test("lock - after an error in a critical section, the next holder rebuilds what is derived", () => {
  const { mapping, region, lock } = fakeLock();
  lock.enter("try");
  region.lists.clear();
  assertError(
    () => {
      lock.unlock();
      throw new RangeError("full stack");
    },
    RangeError,
    "full stack",
  );
  assertEquals([mapping.held, region.header[HOLDER]], [0, 7]);
  lock.enter("try again");
  lock.leave();
  assertEquals([region.header[HOLDER], longestListed(region), region.counters[OWNER_DEATHS]], [0, 16, 0]);
});

test("lock - if it is not free in time, the error names its holder", () => {
  const { mapping, region, lock } = fakeLock();
  mapping.status = TIMED_OUT;
  region.header[HOLDER] = 3;
  const waited = "Cannot allocate: the lock was not free within 5000 ms, it is held by ";
  assertRefused(() => lock.enter("allocate"), "lock-timeout", `${waited}worker 3, which has no slot`);
  for (const [thread, state] of [[7000, "still runs"], [7001, "has ended"]] as const) {
    const slot = region.slots.take(3, thread);
    const who = `worker 3 in slot ${slot}, whose thread ${state}`;
    assertRefused(() => lock.enter("allocate"), "lock-timeout", waited + who);
    region.slots.leave(slot);
  }
  region.header[HOLDER] = 0;
  assertRefused(
    () => lock.enter("allocate"),
    "lock-timeout",
    `${waited}a worker that was just entering or leaving it`,
  );
  assertEquals([mapping.held, region.counters[LOCK_ACQUISITIONS]], [0, 0]);
});

test("lock - if the mutex itself is broken, enter throws corrupt", () => {
  const { mapping, region, lock } = fakeLock();
  mapping.status = -2;
  region.header[HOLDER] = 3;
  assertRefused(
    () => lock.enter("free"),
    "corrupt",
    "Cannot free: the lock itself is broken, last held by worker 3, which has no slot",
  );
});

test("lock - is released if the pool was destroyed meanwhile", () => {
  const { mapping, region, lock } = fakeLock();
  region.header[STATE] = DESTROYED;
  assertRefused(() => lock.enter("free"), "destroyed", "Cannot free: the pool is destroyed");
  assertEquals([mapping.held, region.counters[LOCK_ACQUISITIONS]], [0, 0]);
});

test("lock - a table that cannot be recovered is reported, and the lock is released", () => {
  const { mapping, region, lock } = fakeLock();
  region.table.set(0, LENGTH, 0);
  region.header[HOLDER] = 3;
  assertRefused(
    () => lock.enter("allocate"),
    "corrupt",
    "Cannot allocate: the block table cannot be repaired, its lengths do not add up; " +
      "the lock was last held by worker 3, which has no slot",
  );
  assertEquals(mapping.held, 0);
});

test("inspect - releases the lock if the look throws, and no recovery follows", () => {
  const { mapping, region, lock } = fakeLock();
  assertError(
    () =>
      lock.inspect("look", () => {
        throw new TypeError("seen");
      }),
    TypeError,
    "seen",
  );
  assertEquals([mapping.held, region.header[HOLDER]], [0, 0]);
});

test(
  "lock - after an exception in a critical section of a real pool, the next call recovers",
  withPool((pool) => {
    const { lock, region } = insideOf(pool);
    const block = present(pool.alloc(300));
    lock.enter("break");
    region.lists.clear();
    region.header[HOLDER] = 1;
    lock.unlock();
    assertEquals(present(pool.alloc(100)).byteLength, 100);
    pool.free(block);
  }),
);

test(
  "lock - a thread that has not released it, for example because its stack was full, gets it again and recovers",
  withPool((pool) => {
    const { lock, region } = insideOf(pool);
    lock.enter("break");
    region.lists.clear();
    pool.free(present(pool.alloc(100)));
    assertOneFreeRun(pool);
  }),
);

test("check and lock - the methods of a pool report corruption", () => {
  using pool = makePool();
  const { region, lock } = insideOf(pool);
  region.table.set(0, LENGTH, 0);
  const broken = "The pool is corrupt (invariant I2): the run at block 0 has a length of 0";
  assertRefused(() => pool.check(), "corrupt", broken);
  lock.enter("break");
  lock.unlock();
  const pieces = "the block table cannot be repaired, its lengths do not add up; " +
    "the lock was last held by worker 1 in slot 0, whose thread still runs";
  assertRefused(() => pool.alloc(1), "corrupt", `Cannot allocate: ${pieces}`);
  assertRefused(() => pool.check(), "corrupt", `Cannot check the pool: ${pieces}`);
});

test(
  "lockTimeout - while another thread holds the lock, every operation names the holder; afterwards it works",
  withPoolAsync(async (pool) => {
    const block = present(pool.alloc(100));
    const worker = await spawnPoolWorker<Order>(POOL_WORKER_FILE, pool);
    await worker.order({ ask: "hold" });
    const why = "the lock was not free within 20 ms, it is held by worker 2 in slot 1, whose thread still runs";
    const calls: [() => unknown, string][] = [
      [() => pool.alloc(200), "allocate"],
      [() => pool.calloc(2, 100), "allocate"],
      [() => pool.realloc(block, 1000), "reallocate"],
      [() => pool.free(block), "free"],
      [() => pool.allocMany(2, 100), "allocate"],
      [() => pool.freeMany([block]), "free"],
      [() => pool.stats(), "collect statistics"],
      [() => pool.check(), "check the pool"],
    ];
    for (const [call, action] of calls) assertRefused(call, "lock-timeout", `Cannot ${action}: ${why}`);
    await worker.order({ ask: "leave" });
    pool.free(block);
    assertOneFreeRun(pool);
    worker.terminate();
  }, { lockTimeout: 20 }),
);

test(
  "lockTimeout - 0 does not wait",
  withPoolAsync(async (pool) => {
    const worker = await spawnPoolWorker<Order>(POOL_WORKER_FILE, pool);
    await worker.order({ ask: "hold" });
    const message =
      "Cannot allocate: the lock was not free within 0 ms, it is held by worker 2 in slot 1, whose thread still runs";
    assertRefused(() => pool.alloc(200), "lock-timeout", message);
    await worker.order({ ask: "leave" });
    pool.free(present(pool.alloc(200)));
    worker.terminate();
  }, { lockTimeout: 0 }),
);

test(
  "lock - after its holder was terminated, the next worker inherits it",
  withPoolAsync(async (pool) => {
    const worker = await spawnPoolWorker<Order>(POOL_WORKER_FILE, pool);
    await worker.order({ ask: "hold" });
    worker.terminate();
    pool.free(present(pool.alloc(200)));
    assertOneFreeRun(pool);
    assertEquals(pool.stats().ownerDeaths, 1);
  }, { lockTimeout: 30_000 }),
);
