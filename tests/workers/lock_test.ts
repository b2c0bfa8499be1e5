/** The lock: over a region that a test plays itself, and over a real one held by another thread. */

import { assertEquals } from "@std/assert";
import { CONTENDED, INHERITED, LOCKED, type Region, TIMED_OUT } from "../../src/runtime/native.ts";
import {
  DESTROYED,
  HOLDER,
  LENGTH,
  LOCK_ACQUISITIONS,
  LOCK_CONTENDED,
  OWNER_DEATHS,
  STATE,
} from "../../src/region/layout.ts";
import { Lock } from "../../src/allocator/lock.ts";
import type { Views } from "../../src/region/region.ts";
import { POOL_WORKER, spawnHand } from "../support/crew.ts";
import { test } from "../support/harness.ts";
import type { Order } from "../support/orders.ts";
import { longestListed, plainViews, take } from "../support/plain.ts";
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

/** A region without memory whose lock answers as it is told. */
class PlayedRegion implements Region {
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
  destroy(): void {}
  close(): void {}
}

/** A lock of worker 7 over a played region, where only thread 7000 runs. */
function played(): { region: PlayedRegion; views: Views; lock: Lock } {
  const region = new PlayedRegion();
  const views = plainViews(16);
  return { region, views, lock: new Lock({ alive: (thread) => thread === 7000 }, region, views, 7) };
}

test("lock - entering sets the holder and counts, leaving clears it", () => {
  const { region, views, lock } = played();
  lock.enter("try");
  assertEquals([region.held, views.header[HOLDER], views.counters[LOCK_ACQUISITIONS]], [1, 7, 1]);
  lock.leave();
  assertEquals([region.held, views.header[HOLDER], views.counters[LOCK_ACQUISITIONS]], [0, 0, 1]);
});

test("lock - one that had to be waited for is counted", () => {
  const { region, views, lock } = played();
  region.status = CONTENDED;
  lock.enter("try");
  lock.leave();
  assertEquals([views.counters[LOCK_CONTENDED], views.counters[OWNER_DEATHS], region.held], [1, 0, 0]);
});

test("lock - one that a dead worker held is counted, and what is derived is made again", () => {
  const { region, views, lock } = played();
  take(views, 3);
  views.lists.clear();
  region.status = CONTENDED | INHERITED;
  lock.enter("try");
  lock.leave();
  assertEquals([views.counters[LOCK_CONTENDED], views.counters[OWNER_DEATHS], longestListed(views)], [1, 1, 13]);
});

test("lock - a holder left behind, by an error or a worker that ended, has everything made again", () => {
  const { region, views, lock } = played();
  lock.enter("try");
  views.lists.clear();
  assertError(
    () => {
      throw lock.abandon(new RangeError("full stack"));
    },
    RangeError,
    "full stack",
  );
  assertEquals([region.held, views.header[HOLDER]], [0, 7]);
  lock.enter("try again");
  lock.leave();
  assertEquals([views.header[HOLDER], longestListed(views), views.counters[OWNER_DEATHS]], [0, 16, 0]);
});

test("lock - not free in time: says who holds it", () => {
  const { region, views, lock } = played();
  region.status = TIMED_OUT;
  views.header[HOLDER] = 3;
  const waited = "Cannot allocate: the lock was not free within 5000 ms, it is held by ";
  assertRefused(() => lock.enter("allocate"), "lock-timeout", `${waited}worker 3, which has no slot`);
  for (const [thread, state] of [[7000, "still runs"], [7001, "has ended"]] as const) {
    const slot = views.slots.take(3, thread);
    const who = `worker 3 in slot ${slot}, whose thread ${state}`;
    assertRefused(() => lock.enter("allocate"), "lock-timeout", waited + who);
    views.slots.leave(slot);
  }
  views.header[HOLDER] = 0;
  assertRefused(
    () => lock.enter("allocate"),
    "lock-timeout",
    `${waited}a worker that was just entering or leaving it`,
  );
  assertEquals([region.held, views.counters[LOCK_ACQUISITIONS]], [0, 0]);
});

test("lock - broken itself", () => {
  const { region, views, lock } = played();
  region.status = -2;
  views.header[HOLDER] = 3;
  assertRefused(
    () => lock.enter("free"),
    "corrupt",
    "Cannot free: the lock itself is broken, last held by worker 3, which has no slot",
  );
});

test("lock - of a pool that was destroyed meanwhile is given back", () => {
  const { region, views, lock } = played();
  views.header[STATE] = DESTROYED;
  assertRefused(() => lock.enter("free"), "destroyed", "Cannot free: the pool is destroyed");
  assertEquals([region.held, views.counters[LOCK_ACQUISITIONS]], [0, 0]);
});

test("lock - a table in pieces is reported, and the lock given back", () => {
  const { region, views, lock } = played();
  views.table.set(0, LENGTH, 0);
  views.header[HOLDER] = 3;
  assertRefused(
    () => lock.enter("allocate"),
    "corrupt",
    "Cannot allocate: worker 3 left the block table in pieces, its lengths do not add up",
  );
  assertEquals(region.held, 0);
});

test("inspect - leaves whatever the look throws, and nothing has to be made again", () => {
  const { region, views, lock } = played();
  assertError(
    () =>
      lock.inspect("look", () => {
        throw new TypeError("seen");
      }),
    TypeError,
    "seen",
  );
  assertEquals([region.held, views.header[HOLDER]], [0, 0]);
});

test(
  "lock - thrown out of a critical section of a real pool: the next call repairs",
  withPool((pool) => {
    const { lock, views } = insideOf(pool);
    const block = present(pool.alloc(300));
    lock.enter("break");
    views.lists.clear();
    views.header[HOLDER] = 1;
    lock.abandon(new Error());
    assertEquals(present(pool.alloc(100)).byteLength, 100);
    pool.free(block);
  }),
);

test(
  "lock - thrown out without giving it back, by a full stack say: the same thread gets it again",
  withPool((pool) => {
    const { lock, views } = insideOf(pool);
    lock.enter("break");
    views.lists.clear();
    pool.free(present(pool.alloc(100)));
    assertOneFreeRun(pool);
  }),
);

test("check and lock - corrupt, by the pool's own methods", () => {
  using pool = makePool();
  const { views, lock } = insideOf(pool);
  views.table.set(0, LENGTH, 0);
  const broken = "Cannot trust the pool: I2 is broken, the run at block 0 has a length of 0";
  assertRefused(() => pool.check(), "corrupt", broken);
  lock.enter("break");
  lock.abandon(new Error());
  const pieces = "worker 1 left the block table in pieces, its lengths do not add up";
  assertRefused(() => pool.alloc(1), "corrupt", `Cannot allocate: ${pieces}`);
  assertRefused(() => pool.check(), "corrupt", `Cannot check the pool: ${pieces}`);
});

test(
  "lockTimeout - a lock that another thread does not leave: every operation says who holds it, and works afterwards",
  withPoolAsync(async (pool) => {
    const block = present(pool.alloc(100));
    const worker = await spawnHand<Order>(POOL_WORKER, pool);
    await worker.order({ ask: "hold" });
    const why = "the lock was not free within 20 ms, it is held by worker 2 in slot 1, whose thread still runs";
    const calls: [() => unknown, string][] = [
      [() => pool.alloc(200), "allocate"],
      [() => pool.calloc(2, 100), "allocate"],
      [() => pool.realloc(block, 1000), "reallocate"],
      [() => pool.free(block), "free"],
      [() => pool.allocMany(2, 100), "allocate"],
      [() => pool.freeMany([block]), "free"],
      [() => pool.stats(), "count the pool"],
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
  "lockTimeout - 0 gives up at once",
  withPoolAsync(async (pool) => {
    const worker = await spawnHand<Order>(POOL_WORKER, pool);
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
  "lock - of a worker that ended while it held it: the next one inherits it",
  withPoolAsync(async (pool) => {
    const worker = await spawnHand<Order>(POOL_WORKER, pool);
    await worker.order({ ask: "hold" });
    worker.terminate();
    pool.free(present(pool.alloc(200)));
    assertOneFreeRun(pool);
    assertEquals(pool.stats().ownerDeaths, 1);
  }, { lockTimeout: 30_000 }),
);
