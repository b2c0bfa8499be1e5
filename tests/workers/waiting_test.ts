/**
 * allocAsync: requests that wait until blocks are freed, in the order of their arrival. The last part models several
 * workers, each with more waiting tasks than the pool has blocks, and workers that are terminated while they wait.
 *
 * How to read a failure: "The worker gave no reply in 60000 ms" is a request that was never served, though its blocks
 * were freed. An error of `assertMarked` is a block that was handed out twice.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemPool, MemPoolError, type MemPoolErrorCode, type MemPoolStats } from "mempool";
import { NO_HOOKS } from "../../src/allocator/hooks.ts";
import { ALLOCATED, AWAITED, LIVE, MAX_WAITING, STATE } from "../../src/region/layout.ts";
import { stateOf } from "../../src/region/block_table.ts";
import { spawnPoolWorker, type UseWorkers, withPoolWorkersOf } from "../support/pool_workers.ts";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  insideOf,
  mark,
  type PoolShape,
  present,
  withPool,
  withPoolAsync,
} from "../support/pool.ts";
import { withSeed } from "../support/random.ts";
import type { Load, WaitingOrder } from "./_waiting_worker.ts";

const BLOCK = 64;

/** Allocates every block of a pool. Does not count as exhaustion, because no call fails. */
function allocAll(pool: MemPool): ArrayBuffer[] {
  return present(pool.allocMany(pool.blockCount, BLOCK));
}

/** The names of the promises that have settled, in that order. Those that rejected have the prefix "not". */
class Settlements {
  readonly names: string[] = [];

  add(name: string, promise: Promise<ArrayBuffer>): Promise<ArrayBuffer> {
    promise.then(() => this.names.push(name), () => this.names.push(`not ${name}`));
    return promise;
  }
}

async function assertRefuses(promise: Promise<unknown>, code: MemPoolErrorCode, message: string): Promise<void> {
  const error = await assertRejects(() => promise, MemPoolError, message);
  assertEquals([error.code, error.message], [code, message]);
}

test(
  "allocAsync - returns a free block at once, and counts like alloc",
  withPoolAsync(async (pool) => {
    const block = await pool.allocAsync(50);
    assertEquals([block.byteLength, pool.owns(block)], [50, true]);
    const { allocs, allocatedBlocks, exhausted } = pool.stats();
    assertEquals([allocs, allocatedBlocks, exhausted], [1, 1, 0]);
    pool.free(block);
    assertOneFreeRun(pool);
  }, { cachedBlocks: 8 }),
);

for (const cachedBlocks of [0, 8]) {
  test(
    `allocAsync - requests wait and are served in order of arrival, with ${cachedBlocks} cached blocks`,
    withPoolAsync(async (pool) => {
      const blocks = allocAll(pool);
      const settled = new Settlements();
      const waiting = ["a", "b", "c", "d"].map((name) => settled.add(name, pool.allocAsync(BLOCK)));
      for (const [place, name] of ["a", "b", "c", "d"].entries()) {
        await Promise.resolve();
        assertEquals(settled.names.length, place);
        const freed = pool.offsetOf(blocks[place]!);
        pool.free(blocks[place]!);
        const block = await waiting[place]!;
        assertEquals([pool.offsetOf(block), settled.names.at(-1)], [freed, name]);
        blocks[place] = block;
      }
      assertEquals(insideOf(pool).region.header[STATE], LIVE);
      assertEquals(pool.stats().exhausted, 0);
      for (const block of blocks) pool.free(block);
      assertOneFreeRun(pool);
    }, { blocks: 16, cachedBlocks }),
  );
}

test(
  "allocAsync - smaller requests do not overtake a larger one, but alloc takes what is free",
  withPoolAsync(async (pool) => {
    const blocks = allocAll(pool);
    const settled = new Settlements();
    const large = settled.add("large", pool.allocAsync(4 * BLOCK));
    const small = settled.add("small", pool.allocAsync(BLOCK));
    pool.freeMany(blocks.slice(0, 3));
    await Promise.resolve();
    assertEquals(settled.names, []);
    const taken = present(pool.alloc(BLOCK));
    pool.free(taken);
    pool.free(blocks[4]!);
    await Promise.resolve();
    assertEquals(settled.names, []);
    pool.free(blocks[3]!);
    assertEquals([(await large).byteLength, (await small).byteLength], [4 * BLOCK, BLOCK]);
    assertEquals(settled.names, ["large", "small"]);
  }, { blocks: 16, cachedBlocks: 4 }),
);

test(
  "allocAsync - grows the pool before it waits",
  withPoolAsync(async (pool) => {
    allocAll(pool);
    assertEquals((await pool.allocAsync(16 * BLOCK)).byteLength, 16 * BLOCK);
    assertEquals([pool.blockCount, insideOf(pool).region.header[STATE]], [32, LIVE]);
  }, { blocks: 16, maxSize: 32 * BLOCK }),
);

test(
  "allocAsync - gets what a realloc to a smaller size frees",
  withPoolAsync(async (pool) => {
    const whole = present(pool.alloc(16 * BLOCK));
    const waiting = pool.allocAsync(4 * BLOCK);
    mark(whole, 1);
    const shorter = present(pool.realloc(whole, 10 * BLOCK));
    assertEquals((await waiting).byteLength, 4 * BLOCK);
    assertMarked(shorter, 1);
  }, { blocks: 16 }),
);

test(
  "allocAsync - rejects invalid arguments at once",
  withPoolAsync(async (pool) => {
    allocAll(pool);
    for (const bytes of [0, -1, 1.5, NaN, Infinity, 17 * BLOCK, 1e300]) {
      await assertRejects(() => pool.allocAsync(bytes), RangeError, "Cannot allocate: numBytes must");
    }
    for (const wrong of ["1", null, undefined, {}, 1n]) {
      await assertRejects(
        () => pool.allocAsync(wrong as number),
        TypeError,
        "Cannot allocate: numBytes must be a number",
      );
    }
    for (const signal of [null, 1, {}, new EventTarget()]) {
      const options = { signal: signal as AbortSignal };
      await assertRejects(
        () => pool.allocAsync(1, options),
        TypeError,
        "Cannot allocate: signal must be an AbortSignal",
      );
    }
    await assertRejects(
      () => pool.allocAsync(1, 7 as unknown as object),
      TypeError,
      "Cannot allocate: options must be an object",
    );
    assertEquals(insideOf(pool).region.queue.isEmpty, true);
  }, { blocks: 16 }),
);

test(
  "allocAsync - can be aborted before it waits, while it waits, and when it has just been served",
  withPoolAsync(async (pool) => {
    const blocks = allocAll(pool);
    const reason = new Error("enough");
    await assertRejects(() => pool.allocAsync(1, { signal: AbortSignal.abort(reason) }), Error, "enough");

    const settled = new Settlements();
    const [early, late] = [new AbortController(), new AbortController()];
    const first = settled.add("first", pool.allocAsync(BLOCK, { signal: early.signal }));
    const second = settled.add("second", pool.allocAsync(BLOCK, { signal: late.signal }));
    const third = settled.add("third", pool.allocAsync(BLOCK));
    early.abort(reason);
    assertEquals(await first.catch((error: unknown) => error), reason);
    pool.free(blocks.pop()!); // serves the second request
    late.abort(reason);
    assertEquals(await second.catch((error: unknown) => error), reason);
    assertEquals((await third).byteLength, BLOCK);
    assertEquals(settled.names, ["not first", "not second", "third"]);
    late.abort();
    const { allocatedBlocks, allocs, frees } = pool.stats();
    assertEquals([allocatedBlocks, allocs - frees], [16, 16]);
  }, { blocks: 16 }),
);

for (const how of ["destroy", "close"] as const) {
  test(
    `allocAsync - rejects if its worker calls ${how} while it waits`,
    withPoolAsync(async (pool) => {
      const joined = MemPool.attach(pool.handle);
      allocAll(pool);
      const [one, other] = [joined.allocAsync(1), pool.allocAsync(1)];
      joined[how]();
      const why = how === "close" ? "this pool object is closed" : "the pool is destroyed";
      const message = `Cannot allocate: ${why}`;
      if (how === "destroy") {
        await Promise.all([one, other].map((waiting) => assertRefuses(waiting, "destroyed", message)));
        return;
      }
      await assertRefuses(one, "closed", message);
      pool.free(pool.at(0));
      assertEquals((await other).byteLength, 1);
    }, { blocks: 16, checked: false }),
  );
}

test(
  "allocAsync - rejects after destroy and after close",
  withPoolAsync(async (pool) => {
    const joined = MemPool.attach(pool.handle);
    joined.close();
    await assertRefuses(joined.allocAsync(1), "closed", "Cannot allocate: this pool object is closed");
    pool.destroy();
    await assertRefuses(pool.allocAsync(1), "destroyed", "Cannot allocate: the pool is destroyed");
  }),
);

test(
  "allocAsync - rejects with unsupported if too many requests wait, and those that wait are served",
  withPoolAsync(async (pool) => {
    const block = present(pool.alloc(pool.size));
    const waiting = Array.from({ length: MAX_WAITING }, () => pool.allocAsync(BLOCK));
    await assertRefuses(
      pool.allocAsync(1),
      "unsupported",
      "Cannot allocate: too many requests wait for blocks of this pool",
    );
    pool.free(block);
    let served = 0;
    for (const one of waiting) {
      pool.free(await one);
      served++;
    }
    assertEquals(served, MAX_WAITING);
    assertOneFreeRun(pool);
  }, { blocks: 16, cachedBlocks: 4, checked: false }),
);

test(
  "allocAsync - in a checked pool, the stack of a leak is that of the request, not of the free that served it",
  withPoolAsync(async (pool) => {
    const blocks = allocAll(pool);
    const block = await requestHere(pool, () => pool.freeMany(blocks));
    const [leak, ...others] = pool.leaks();
    assertEquals([leak!.offset, others.length], [pool.offsetOf(block), 0]);
    assert(leak!.stack.includes("requestHere"), leak!.stack);
  }, { blocks: 16, checked: true }),
);

function requestHere(pool: MemPool, meanwhile: () => void): Promise<ArrayBuffer> {
  const waiting = pool.allocAsync(BLOCK);
  meanwhile();
  return waiting;
}

test(
  "allocAsync - if the block that a request has been granted is freed by mistake, the request is served again",
  withPoolAsync(async (pool) => {
    const blocks = allocAll(pool);
    const waiting = pool.allocAsync(BLOCK);
    const offset = pool.offsetOf(blocks[3]!);
    pool.free(blocks[3]!);
    assertEquals(stateOf(insideOf(pool).region.table.loadTag(offset / BLOCK)), ALLOCATED);
    pool.freeOffset(offset);
    assertEquals(pool.offsetOf(await waiting), offset);
    assertEquals(pool.owns(pool.at(offset)), true);
  }, { blocks: 16, checked: false }),
);

test(
  "allocAsync - if no buffer can be made for a granted block, only that request rejects",
  withPoolAsync(async (pool) => {
    const blocks = allocAll(pool);
    const { waiters } = insideOf(pool).allocator;
    const request = { bytes: BLOCK, hooks: NO_HOOKS, owner: pool, signal: undefined };
    const failing = waiters.request(request, () => {
      throw new RangeError("no memory for a buffer");
    });
    const waiting = pool.allocAsync(BLOCK);
    pool.freeMany(blocks.slice(0, 2));
    const [failed, { byteLength }] = await Promise.all([assertRejects(() => failing, RangeError), waiting]);
    assertEquals([failed.message, byteLength], ["no memory for a buffer", BLOCK]);
  }, { blocks: 16, checked: false }),
);

// Several workers.

const WORKER = new URL("./_waiting_worker.ts", import.meta.url);

function withWaiters(count: number, shape: PoolShape, use: UseWorkers<WaitingOrder>): Promise<void> {
  return withPoolWorkersOf(WORKER, count, shape, use);
}

/** Waits until the queue of the pool holds `count` requests. */
async function untilWaiting(pool: MemPool, count: number): Promise<void> {
  const { lock, region: { queue } } = insideOf(pool);
  for (let waiting = -1; waiting !== count;) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    waiting = 0;
    lock.inspect("look", () => queue.forEach(() => waiting++));
  }
}

for (const cachedBlocks of [0, 8]) {
  test(`allocAsync - is served when another worker frees a block, with ${cachedBlocks} cached blocks`, () =>
    withWaiters(1, { blocks: 16, cachedBlocks }, async (pool, [worker]) => {
      const offsets = await worker!.order<number[]>({ ask: "take", count: 16, bytes: BLOCK });
      for (const offset of offsets) {
        const waiting = pool.allocAsync(BLOCK);
        await worker!.order({ ask: "free", offsets: [offset] });
        const block = await waiting;
        assertEquals(pool.offsetOf(block), offset);
      }
      assertEquals((await worker!.order<MemPoolStats>({ ask: "stats" })).allocatedBlocks, 16);
    }));
}

test("allocAsync - gets blocks that another worker has cached", () =>
  withWaiters(1, { blocks: 16, cachedBlocks: 16, checked: false }, async (pool, [worker]) => {
    await worker!.order({
      ask: "free",
      offsets: await worker!.order<number[]>({ ask: "take", count: 16, bytes: BLOCK }),
    });
    assert(pool.stats().cachedBlocks > 0);
    assertEquals((await pool.allocAsync(16 * BLOCK)).byteLength, 16 * BLOCK);
  }));

test("allocAsync - requests of three workers are served in order of arrival", () =>
  withWaiters(3, { blocks: 16, cachedBlocks: 4 }, async (pool, team) => {
    const blocks = allocAll(pool);
    const order = [0, 1, 2, 1, 0, 2, 2, 0];
    const served: number[] = [];
    const offsets = blocks.map((block) => pool.offsetOf(block));
    const waiting = [];
    for (const [count, worker] of order.entries()) {
      waiting.push(team[worker]!.order<number>({ ask: "wait", bytes: BLOCK }));
      await untilWaiting(pool, count + 1);
    }
    for (const [place, one] of waiting.entries()) {
      pool.freeOffset(offsets[place]!);
      assertEquals(await one, offsets[place]);
      served.push(place);
    }
    assertEquals(served.length, order.length);
  }));

test("allocAsync - rejects in all workers when one destroys the pool", () =>
  withWaiters(2, { blocks: 16, checked: false }, async (pool, [one, other]) => {
    allocAll(pool);
    const mine = pool.allocAsync(1);
    const theirs = one!.order({ ask: "wait", bytes: 1 });
    await untilWaiting(pool, 2);
    const destroyed = other!.order({ ask: "destroy" });
    await Promise.all([
      destroyed,
      assertRefuses(mine, "destroyed", "Cannot allocate: the pool is destroyed"),
      assertRejects(() => theirs, Error, "the pool is destroyed"),
    ]);
  }));

test("allocAsync - a worker that dies while it waits does not block later requests", () =>
  withWaiters(
    1,
    { blocks: 16, cachedBlocks: 4 },
    async (pool, [worker]) => {
      const blocks = allocAll(pool);
      const theirs = worker!.order({ ask: "wait", bytes: 8 * BLOCK }).catch(() => "died");
      await untilWaiting(pool, 1);
      const mine = pool.allocAsync(BLOCK);
      await worker!.die();
      pool.free(blocks.pop()!);
      assertEquals([await theirs, (await mine).byteLength], ["died", BLOCK]);
      pool.reap();
      assertEquals([pool.stats().workers, insideOf(pool).region.header[STATE]], [1, LIVE]);
    },
  ));

test("allocAsync - reap takes back a block that was granted to a worker that died before it took it", () =>
  withWaiters(
    1,
    { blocks: 16, cachedBlocks: 4 },
    async (pool, [worker]) => {
      const blocks = allocAll(pool);
      const theirs = worker!.order({ ask: "wait", bytes: BLOCK }).catch(() => "died");
      await untilWaiting(pool, 1);
      pool.free(blocks[0]!);
      await Promise.all([theirs, worker!.die()]);
      pool.freeMany(blocks.slice(1));
      pool.reap();
      assertEquals([pool.stats().allocatedBlocks, pool.stats().workers], [0, 1]);
      pool.check();
    },
  ));

test("allocAsync - a worker can attach while a request waits, and serve it", () =>
  withWaiters(1, { blocks: 16, cachedBlocks: 4, checked: false }, async (pool, [worker]) => {
    const blocks = allocAll(pool);
    const waiting = pool.allocAsync(1);
    assertEquals(insideOf(pool).region.header[STATE], AWAITED);
    using joined = MemPool.attach(pool.handle);
    assertEquals(joined.buffer.byteLength, pool.size);
    await worker!.order({ ask: "attach", handle: pool.handle });
    await worker!.order({ ask: "free", offsets: [pool.offsetOf(blocks[0]!)] });
    assertEquals((await waiting).byteLength, 1);
  }));

const LOADS: [string, PoolShape & { blocks: number }, Omit<Load, "cookie">][] = [
  ["single blocks", { blocks: 6, cachedBlocks: 4, checked: false }, {
    tasks: 8,
    rounds: effort(100, 8000),
    longest: BLOCK,
    sync: 2,
  }],
  ["runs of up to four", { blocks: 12, cachedBlocks: 4, checked: false }, {
    tasks: 8,
    rounds: effort(100, 8000),
    longest: 4 * BLOCK,
    sync: 3,
  }],
  ["a pool that grows", { blocks: 2, maxSize: 10 * BLOCK, cachedBlocks: 2, checked: false }, {
    tasks: 8,
    rounds: effort(80, 5000),
    longest: BLOCK,
    sync: 2,
  }],
  ["checked", { blocks: 6, checked: true }, { tasks: 4, rounds: effort(20, 1000), longest: BLOCK, sync: 2 }],
];

for (const [situation, shape, load] of LOADS) {
  test(`allocAsync - three workers with more waiting tasks than blocks, ${situation}: every request is served`, () =>
    withWaiters(3, shape, async (pool, team) => {
      const served = await Promise.all(
        team.map((worker, place) =>
          worker.order<number>({ ask: "load", load: { ...load, cookie: place * 1_000_000 } })
        ),
      );
      assertEquals(served, team.map(() => load.tasks * load.rounds));
      for (const worker of team) await worker.order({ ask: "close" });
      const { header, queue } = insideOf(pool).region;
      assertEquals([header[STATE], queue.isEmpty], [LIVE, true]);
      assertOneFreeRun(pool);
    }));
}

/** Spawns a worker that uses the pool without end, and terminates it after some milliseconds. */
async function spawnAndTerminate(pool: MemPool, load: Load, milliseconds: number): Promise<void> {
  const worker = await spawnPoolWorker<WaitingOrder>(WORKER, pool);
  worker.order({ ask: "load", load }).catch(() => "died");
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  await worker.die();
}

test("allocAsync - other workers are terminated at random moments: the surviving worker is always served", () =>
  withSeed((seed) =>
    withWaiters(1, { blocks: 6, cachedBlocks: 4, checked: false }, async (pool, [worker]) => {
      const load = { tasks: 8, longest: 2 * BLOCK, sync: 2 };
      const rounds = effort(400, 10_000);
      let isDone = false;
      const served = worker!.order<number>({ ask: "load", load: { ...load, rounds, cookie: 0 } }).finally(() =>
        isDone = true
      );
      for (let life = 1; !isDone; life++) {
        await spawnAndTerminate(pool, { ...load, rounds: Infinity, cookie: life * 1_000_000 }, (seed * life) % 17);
        pool.reap();
        pool.check();
      }
      assertEquals(await served, load.tasks * rounds);
      await worker!.order({ ask: "close" });
      pool.reap();
      assertEquals([pool.stats().allocatedBlocks, insideOf(pool).region.header[STATE]], [0, LIVE]);
    })
  ));

test(
  "allocAsync - a pool without waiting requests needs no lock for alloc and free",
  withPool((pool) => {
    const block = present(pool.alloc(1));
    const before = pool.stats().lockAcquisitions;
    for (let round = 0; round < 100; round++) {
      pool.free(block);
      assertEquals(pool.alloc(1), block);
    }
    assertEquals(pool.stats().lockAcquisitions, before + 1);
  }, { cachedBlocks: 8, checked: false }),
);
