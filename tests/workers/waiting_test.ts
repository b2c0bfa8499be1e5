/** allocAsync: requests that wait for what others free, in order, and never in vain. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemPool, MemPoolError, type MemPoolErrorCode, type MemPoolStats } from "mempool";
import { NO_HOOKS } from "../../src/allocator/hooks.ts";
import { ALLOCATED, AWAITED, LIVE, MAX_WAITING, STATE } from "../../src/region/layout.ts";
import { stateOf } from "../../src/region/block_table.ts";
import { spawnHand, type Teamwork, withCrewOf } from "../support/crew.ts";
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

/** All blocks of a pool, one by one, by a call that finds none missing: nothing is counted as exhausted. */
function allocAll(pool: MemPool): ArrayBuffer[] {
  return present(pool.allocMany(pool.blockCount, BLOCK));
}

/** What has been settled by now, in the order in which it was. */
class Watched {
  readonly settled: string[] = [];

  tracker(name: string, promise: Promise<ArrayBuffer>): Promise<ArrayBuffer> {
    promise.then(() => this.settled.push(name), () => this.settled.push(`not ${name}`));
    return promise;
  }
}

async function refusal(promise: Promise<unknown>, code: MemPoolErrorCode, message: string): Promise<void> {
  const error = await assertRejects(() => promise, MemPoolError, message);
  assertEquals([error.code, error.message], [code, message]);
}

test(
  "allocAsync - what is free is there at once, and counted as any other",
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
    `allocAsync - waits, and is served in order of arrival, ${cachedBlocks} blocks cached`,
    withPoolAsync(async (pool) => {
      const blocks = allocAll(pool);
      const watched = new Watched();
      const waiting = ["a", "b", "c", "d"].map((name) => watched.tracker(name, pool.allocAsync(BLOCK)));
      for (const [place, name] of ["a", "b", "c", "d"].entries()) {
        await Promise.resolve();
        assertEquals(watched.settled.length, place);
        const freed = pool.offsetOf(blocks[place]!);
        pool.free(blocks[place]!);
        const block = await waiting[place]!;
        assertEquals([pool.offsetOf(block), watched.settled.at(-1)], [freed, name]);
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
  "allocAsync - a larger request is not passed by smaller ones that wait, but alloc takes what there is",
  withPoolAsync(async (pool) => {
    const blocks = allocAll(pool);
    const watched = new Watched();
    const large = watched.tracker("large", pool.allocAsync(4 * BLOCK));
    const small = watched.tracker("small", pool.allocAsync(BLOCK));
    pool.freeMany(blocks.slice(0, 3));
    await Promise.resolve();
    assertEquals(watched.settled, []);
    const taken = present(pool.alloc(BLOCK));
    pool.free(taken);
    pool.free(blocks[4]!);
    await Promise.resolve();
    assertEquals(watched.settled, []);
    pool.free(blocks[3]!);
    assertEquals([(await large).byteLength, (await small).byteLength], [4 * BLOCK, BLOCK]);
    assertEquals(watched.settled, ["large", "small"]);
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
  "allocAsync - gets what realloc, freeMany and reap leave too",
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
  "allocAsync - arguments: each mistake is a rejection, at once",
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
  "allocAsync - aborted before, while it waits, and in the moment that it is served",
  withPoolAsync(async (pool) => {
    const blocks = allocAll(pool);
    const reason = new Error("enough");
    await assertRejects(() => pool.allocAsync(1, { signal: AbortSignal.abort(reason) }), Error, "enough");

    const watched = new Watched();
    const [early, late] = [new AbortController(), new AbortController()];
    const first = watched.tracker("first", pool.allocAsync(BLOCK, { signal: early.signal }));
    const second = watched.tracker("second", pool.allocAsync(BLOCK, { signal: late.signal }));
    const third = watched.tracker("third", pool.allocAsync(BLOCK));
    early.abort(reason);
    assertEquals(await first.catch((error: unknown) => error), reason);
    pool.free(blocks.pop()!); // for the second
    late.abort(reason);
    assertEquals(await second.catch((error: unknown) => error), reason);
    assertEquals((await third).byteLength, BLOCK);
    assertEquals(watched.settled, ["not first", "not second", "third"]);
    late.abort();
    const { allocatedBlocks, allocs, frees } = pool.stats();
    assertEquals([allocatedBlocks, allocs - frees], [16, 16]);
  }, { blocks: 16 }),
);

for (const how of ["destroy", "close"] as const) {
  test(
    `allocAsync - ${how} while it waits`,
    withPoolAsync(async (pool) => {
      const joined = MemPool.attach(pool.handle);
      allocAll(pool);
      const [one, other] = [joined.allocAsync(1), pool.allocAsync(1)];
      joined[how]();
      const why = how === "close" ? "this pool object is closed" : "the pool is destroyed";
      const message = `Cannot allocate: ${why}`;
      if (how === "destroy") {
        await Promise.all([one, other].map((waiting) => refusal(waiting, "destroyed", message)));
        return;
      }
      await refusal(one, "closed", message);
      pool.free(pool.at(0));
      assertEquals((await other).byteLength, 1);
    }, { blocks: 16, checked: false }),
  );
}

test(
  "allocAsync - after destroy and after close: a rejection",
  withPoolAsync(async (pool) => {
    const joined = MemPool.attach(pool.handle);
    joined.close();
    await refusal(joined.allocAsync(1), "closed", "Cannot allocate: this pool object is closed");
    pool.destroy();
    await refusal(pool.allocAsync(1), "destroyed", "Cannot allocate: the pool is destroyed");
  }),
);

test(
  "allocAsync - more requests than can wait: unsupported, and those that wait are served",
  withPoolAsync(async (pool) => {
    const block = present(pool.alloc(pool.size));
    const waiting = Array.from({ length: MAX_WAITING }, () => pool.allocAsync(BLOCK));
    await refusal(pool.allocAsync(1), "unsupported", "Cannot allocate: too many requests wait for blocks of this pool");
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
  "allocAsync - in a checked pool, a leak shows where it was asked for, not who freed the block",
  withPoolAsync(async (pool) => {
    const blocks = allocAll(pool);
    const block = await askHere(pool, () => pool.freeMany(blocks));
    const [leak, ...others] = pool.leaks();
    assertEquals([leak!.offset, others.length], [pool.offsetOf(block), 0]);
    assert(leak!.stack.includes("askHere"), leak!.stack);
  }, { blocks: 16, checked: true }),
);

function askHere(pool: MemPool, meanwhile: () => void): Promise<ArrayBuffer> {
  const waiting = pool.allocAsync(BLOCK);
  meanwhile();
  return waiting;
}

test(
  "allocAsync - a block that was promised and freed by mistake: the request waits on",
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
  "allocAsync - where no buffer can be made of what came, only that request fails",
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

// ---- several workers

const WORKER = new URL("./_waiting_worker.ts", import.meta.url);

function withHands(count: number, shape: PoolShape, use: Teamwork<WaitingOrder>): Promise<void> {
  return withCrewOf(WORKER, count, shape, use);
}

/** Until so many requests wait for blocks of the pool. */
async function untilWaiting(pool: MemPool, count: number): Promise<void> {
  const { lock, region: { queue } } = insideOf(pool);
  for (let waiting = -1; waiting !== count;) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    waiting = 0;
    lock.inspect("look", () => queue.forEach(() => waiting++));
  }
}

for (const cachedBlocks of [0, 8]) {
  test(`allocAsync - wakes for what another worker frees, ${cachedBlocks} blocks cached`, () =>
    withHands(1, { blocks: 16, cachedBlocks }, async (pool, [hand]) => {
      const offsets = await hand!.order<number[]>({ ask: "take", count: 16, bytes: BLOCK });
      for (const offset of offsets) {
        const waiting = pool.allocAsync(BLOCK);
        await hand!.order({ ask: "free", offsets: [offset] });
        const block = await waiting;
        assertEquals(pool.offsetOf(block), offset);
      }
      assertEquals((await hand!.order<MemPoolStats>({ ask: "stats" })).allocatedBlocks, 16);
    }));
}

test("allocAsync - gets what another worker has cached", () =>
  withHands(1, { blocks: 16, cachedBlocks: 16, checked: false }, async (pool, [hand]) => {
    await hand!.order({ ask: "free", offsets: await hand!.order<number[]>({ ask: "take", count: 16, bytes: BLOCK }) });
    assert(pool.stats().cachedBlocks > 0);
    assertEquals((await pool.allocAsync(16 * BLOCK)).byteLength, 16 * BLOCK);
  }));

test("allocAsync - requests of three workers are served in the order in which they came", () =>
  withHands(3, { blocks: 16, cachedBlocks: 4 }, async (pool, crew) => {
    const blocks = allocAll(pool);
    const order = [0, 1, 2, 1, 0, 2, 2, 0];
    const served: number[] = [];
    const offsets = blocks.map((block) => pool.offsetOf(block));
    const waiting = [];
    for (const [count, worker] of order.entries()) {
      waiting.push(crew[worker]!.order<number>({ ask: "wait", bytes: BLOCK }));
      await untilWaiting(pool, count + 1);
    }
    for (const [place, one] of waiting.entries()) {
      pool.freeOffset(offsets[place]!);
      assertEquals(await one, offsets[place]);
      served.push(place);
    }
    assertEquals(served.length, order.length);
  }));

test("allocAsync - destroyed by another worker: rejects", () =>
  withHands(2, { blocks: 16, checked: false }, async (pool, [one, other]) => {
    allocAll(pool);
    const mine = pool.allocAsync(1);
    const theirs = one!.order({ ask: "wait", bytes: 1 });
    await untilWaiting(pool, 2);
    const destroyed = other!.order({ ask: "destroy" });
    await Promise.all([
      destroyed,
      refusal(mine, "destroyed", "Cannot allocate: the pool is destroyed"),
      assertRejects(() => theirs, Error, "the pool is destroyed"),
    ]);
  }));

test("allocAsync - a worker that ends while it waits holds nobody up", () =>
  withHands(
    1,
    { blocks: 16, cachedBlocks: 4 },
    async (pool, [hand]) => {
      const blocks = allocAll(pool);
      const theirs = hand!.order({ ask: "wait", bytes: 8 * BLOCK }).catch(() => "ended");
      await untilWaiting(pool, 1);
      const mine = pool.allocAsync(BLOCK);
      await hand!.die();
      pool.free(blocks.pop()!);
      assertEquals([await theirs, (await mine).byteLength], ["ended", BLOCK]);
      pool.reap();
      assertEquals([pool.stats().workers, insideOf(pool).region.header[STATE]], [1, LIVE]);
    },
  ));

test("allocAsync - what a worker was given and did not live to collect, reap takes back", () =>
  withHands(
    1,
    { blocks: 16, cachedBlocks: 4 },
    async (pool, [hand]) => {
      const blocks = allocAll(pool);
      const theirs = hand!.order({ ask: "wait", bytes: BLOCK }).catch(() => "ended");
      await untilWaiting(pool, 1);
      pool.free(blocks[0]!);
      await Promise.all([theirs, hand!.die()]);
      pool.freeMany(blocks.slice(1));
      pool.reap();
      assertEquals([pool.stats().allocatedBlocks, pool.stats().workers], [0, 1]);
      pool.check();
    },
  ));

test("allocAsync - attaching to a pool that is awaited", () =>
  withHands(1, { blocks: 16, cachedBlocks: 4, checked: false }, async (pool, [hand]) => {
    const blocks = allocAll(pool);
    const waiting = pool.allocAsync(1);
    assertEquals(insideOf(pool).region.header[STATE], AWAITED);
    using joined = MemPool.attach(pool.handle);
    assertEquals(joined.buffer.byteLength, pool.size);
    await hand!.order({ ask: "attach", handle: pool.handle });
    await hand!.order({ ask: "free", offsets: [pool.offsetOf(blocks[0]!)] });
    assertEquals((await waiting).byteLength, 1);
  }));

const LOADS: [string, PoolShape & { blocks: number }, Omit<Load, "cookie">][] = [
  ["single blocks", { blocks: 6, cachedBlocks: 4, checked: false }, {
    hands: 8,
    rounds: effort(300, 8000),
    longest: BLOCK,
    sync: 2,
  }],
  ["runs of up to four", { blocks: 12, cachedBlocks: 4, checked: false }, {
    hands: 8,
    rounds: effort(300, 8000),
    longest: 4 * BLOCK,
    sync: 3,
  }],
  ["a pool that grows", { blocks: 2, maxSize: 10 * BLOCK, cachedBlocks: 2, checked: false }, {
    hands: 8,
    rounds: effort(200, 5000),
    longest: BLOCK,
    sync: 2,
  }],
  ["checked", { blocks: 6, checked: true }, { hands: 4, rounds: effort(40, 1000), longest: BLOCK, sync: 2 }],
];

for (const [situation, shape, load] of LOADS) {
  test(`allocAsync - three workers with more hands than blocks, ${situation}: nobody waits in vain`, () =>
    withHands(3, shape, async (pool, crew) => {
      const served = await Promise.all(
        crew.map((hand, place) => hand.order<number>({ ask: "load", load: { ...load, cookie: place * 1_000_000 } })),
      );
      assertEquals(served, crew.map(() => load.hands * load.rounds));
      for (const hand of crew) await hand.order({ ask: "close" });
      const { header, queue } = insideOf(pool).region;
      assertEquals([header[STATE], queue.isEmpty], [LIVE, true]);
      assertOneFreeRun(pool);
    }));
}

/** Spawns a worker that works with the pool for ever, and ends it at some moment. */
async function liveShortly(pool: MemPool, load: Load, milliseconds: number): Promise<void> {
  const hand = await spawnHand<WaitingOrder>(WORKER, pool);
  hand.order({ ask: "load", load }).catch(() => "ended");
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  await hand.die();
}

test("allocAsync - others are terminated at any moment, waiting, served or freeing: who lives is served", () =>
  withSeed((seed) =>
    withHands(1, { blocks: 6, cachedBlocks: 4, checked: false }, async (pool, [hand]) => {
      const load = { hands: 8, longest: 2 * BLOCK, sync: 2 };
      const rounds = effort(1000, 10_000);
      let isDone = false;
      const served = hand!.order<number>({ ask: "load", load: { ...load, rounds, cookie: 0 } }).finally(() =>
        isDone = true
      );
      for (let life = 1; !isDone; life++) {
        await liveShortly(pool, { ...load, rounds: Infinity, cookie: life * 1_000_000 }, (seed * life) % 17);
        pool.reap();
        pool.check();
      }
      assertEquals(await served, load.hands * rounds);
      await hand!.order({ ask: "close" });
      pool.reap();
      assertEquals([pool.stats().allocatedBlocks, insideOf(pool).region.header[STATE]], [0, LIVE]);
    })
  ));

test(
  "allocAsync - costs a pool that nobody waits for nothing: no lock, no exchange more",
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
