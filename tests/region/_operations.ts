/**
 * Every operation that changes the block table, each with a populated pool (_populated_pool.ts) that is prepared so
 * that exactly the named case occurs. steps_test.ts stops a worker after each store of each operation.
 */

import { assert, assertEquals } from "@std/assert";
import { AWAITED, FREE, NEXT_WORKER, NONE, PLAIN_CLAIMS, SLOT_TOP, STATE } from "../../src/region/layout.ts";
import { Reaper } from "../../src/allocator/reap.ts";
import { NOT_ALLOCATED } from "../../src/allocator/resize.ts";
import { slotWord } from "../../src/region/worker_slots.ts";
import { isAllocated } from "../../src/region/block_table.ts";
import { runsOf } from "../support/plain.ts";
import { type LiveRun, populate, POPULATED_SHAPE, type PopulatedPool, Setup } from "./_populated_pool.ts";
import { SimMemory, SimWorker } from "../support/simulation.ts";
import type { Operation } from "./_steps.ts";

export const BLOCK = 64;

/** The room in each worker's cache. */
const CACHE_ROOM = POPULATED_SHAPE.cachedBlocks;

/**
 * One operation of one worker. `about` lists the runs that were allocated before and that the operation may free or
 * move.
 */
export interface Action {
  readonly actor: SimWorker;
  readonly act: (actor: SimWorker) => unknown;
  readonly about?: readonly number[];
}

/** A populated pool, made anew for each operation. Workers one to four are alive, another one is dead. */
export class Scenario {
  readonly memory: SimMemory;
  readonly setup: Setup;
  readonly one: SimWorker;
  readonly two: SimWorker;
  readonly three: SimWorker;
  readonly four: SimWorker;
  readonly pool: PopulatedPool;

  constructor(checked = false) {
    this.memory = SimMemory.make({ ...POPULATED_SHAPE, checked });
    this.pool = populate(this.memory, !checked);
    [this.one, this.two, this.three, this.four] = this.pool.workers as [SimWorker, SimWorker, SimWorker, SimWorker];
    this.memory.living.delete(this.pool.dead.thread);
    this.setup = new Setup(this.memory, this.pool.live);
  }

  /** The runs that no dead worker owns. */
  get live(): LiveRun[] {
    return this.setup.holdings.all.filter(({ owner }) => owner !== this.pool.dead);
  }

  /** An allocated run of `blocks` blocks that `owner` holds. If it holds none, it allocates one. */
  held(owner: SimWorker, blocks: number): number {
    const found = this.live.find((run) => run.owner === owner && Math.ceil(run.bytes / BLOCK) === blocks);
    if (found !== undefined) return found.block;
    const block = this.setup.take(owner, blocks);
    assert(block !== NONE, `no run of ${blocks} is left`);
    return block;
  }

  /** Lets worker two allocate everything that is left. */
  exhaust(): void {
    for (const blocks of [66, 9, 4, 2]) this.setup.takeAll(this.two, blocks);
    this.setup.takeAll(this.two, 1);
  }

  /** Worker two allocates single blocks, and worker three frees at least `blocks` of them, until its cache is full. */
  pass(blocks: number): void {
    const { header } = this.three.region;
    const taken = Array.from({ length: blocks + CACHE_ROOM }, () => this.setup.take(this.two, 1));
    while (taken.length > CACHE_ROOM || header[slotWord(this.three.slot) + SLOT_TOP]! < CACHE_ROOM) {
      this.setup.give(this.three, taken.pop()!);
    }
  }

  /** Empties the cache of worker two by allocating from it. */
  emptyCache(): void {
    for (let block = 0; block !== NONE;) {
      block = this.two.allocator.cache.take(1);
      this.setup.holdings.add(this.two, block, 1);
    }
  }

  /**
   * Lets a worker wait for `bytes` bytes, as src/allocator/waiters.ts does. Returns the place of its request in the
   * queue.
   */
  wait({ number, lock, region }: SimWorker, bytes: number): number {
    return lock.run("allocate", () => {
      region.header[STATE] = AWAITED;
      return region.queue.push(number, bytes);
    });
  }

  /** Two adjacent allocated runs, the first of several blocks. */
  neighbours(): [LiveRun, LiveRun] {
    for (const before of this.live.filter(({ bytes }) => bytes > BLOCK)) {
      const behind = this.setup.holdings.at(before.block + Math.ceil(before.bytes / BLOCK));
      if (behind !== undefined && behind.owner !== this.pool.dead) return [before, behind];
    }
    throw new Error("The populated pool has no two adjacent allocated runs");
  }

  operation({ actor, act, about = [] }: Action): Operation {
    const others = this.pool.workers.filter((worker) => worker !== actor);
    return { memory: this.memory, actor, act, others, dead: [this.pool.dead], live: this.live, about };
  }
}

/** Asserts that a call handed out a block. */
export function assertBlock(block: number): void {
  assert(block !== NONE && block !== NOT_ALLOCATED, "nothing was handed out");
}

/** Asserts that an allocation succeeds and that the pool grows for it. */
function assertGrows(actor: SimWorker, allocate: () => number): void {
  const { blockCount } = actor.region.table;
  assertBlock(allocate());
  assert(actor.region.table.blockCount > blockCount, "the pool has not grown");
}

/** An action that frees an allocated run. */
export function freeing(actor: SimWorker, block: number, free: (actor: SimWorker) => boolean): Action {
  return { actor, act: (actor) => assert(free(actor)), about: [block] };
}

/** The operations by name. Each `act` asserts that the named case has occurred. */
export const OPERATIONS: Readonly<Record<string, (scenario: Scenario) => Action>> = {
  "take from the cache": ({ one }) => ({ actor: one, act: (actor) => assertBlock(actor.allocator.cache.take(10)) }),

  "take from the cache by exchange": ({ one }) => {
    one.region.header[PLAIN_CLAIMS] = 0;
    return { actor: one, act: (actor) => assertBlock(actor.allocator.cache.take(10)) };
  },

  "give to the cache": (scenario) => {
    const block = scenario.held(scenario.two, 1);
    return freeing(scenario.two, block, (actor) => actor.allocator.cache.give(block));
  },

  "give a block that another worker allocated": (scenario) => {
    const block = scenario.held(scenario.four, 1);
    return freeing(scenario.two, block, (actor) => actor.allocator.cache.give(block));
  },

  "take a short run from the cache": ({ two }) => ({
    actor: two,
    act: (actor) => assertBlock(actor.allocator.runCache.take(3 * BLOCK)),
  }),

  "take a short run from the cache by exchange": ({ two }) => {
    two.region.header[PLAIN_CLAIMS] = 0;
    return { actor: two, act: (actor) => assertBlock(actor.allocator.runCache.take(3 * BLOCK - 5)) };
  },

  "take a short run when the only cache entry is stale": ({ four }) => ({
    actor: four,
    act: (actor) => assertBlock(actor.alloc(2 * BLOCK)),
  }),

  "give a short run to the cache": (scenario) => {
    const block = scenario.held(scenario.two, 2);
    return freeing(scenario.two, block, (actor) => actor.allocator.runCache.give(block));
  },

  "give a short run that another worker allocated": (scenario) => {
    const block = scenario.held(scenario.four, 2);
    return freeing(scenario.two, block, (actor) => actor.allocator.runCache.give(block));
  },

  "give a short run while a request waits": (scenario) => {
    scenario.exhaust();
    scenario.setup.takeAll(scenario.one, 2);
    const block = scenario.held(scenario.two, 2);
    const { table } = scenario.two.region;
    scenario.wait(scenario.four, 4 * BLOCK);
    return freeing(
      scenario.two,
      block,
      (actor) => !actor.allocator.runCache.give(block) && isAllocated(table.tag(block)),
    );
  },

  "refill from the depot": (scenario) => {
    scenario.emptyCache();
    const { count } = scenario.two.region.depot;
    return {
      actor: scenario.two,
      act: (actor) => {
        assertBlock(actor.alloc(20));
        assert(actor.region.depot.count < count);
      },
    };
  },

  "refill from several free runs": (scenario) => {
    while (scenario.two.region.depot.count > 0) scenario.setup.take(scenario.two, 1);
    scenario.emptyCache();
    return { actor: scenario.two, act: (actor) => assertBlock(actor.alloc(20)) };
  },

  "refill when all cache entries are stale": ({ four }) => ({
    actor: four,
    act: (actor) => assertBlock(actor.alloc(20)),
  }),

  "take over half of what another worker has cached": (scenario) => {
    scenario.exhaust();
    const { three, two } = scenario;
    for (let blocks = 3; blocks > 0; blocks--) scenario.setup.give(three, scenario.held(two, 1));
    return {
      actor: two,
      act: (actor) => {
        assertBlock(actor.alloc(20));
        assertBlock(actor.allocator.cache.take(20));
        assertEquals(actor.allocator.cache.take(20), NONE);
      },
    };
  },

  "flush into the depot, by a worker that only frees": (scenario) => {
    scenario.pass(0);
    return flushing(scenario, CACHE_ROOM);
  },

  "flush half of the cache into the depot": ({ three }) => ({
    actor: three,
    act: (actor) => {
      // Its cache is empty in between: otherwise it would count as a worker that only frees.
      const blocks = Array.from({ length: CACHE_ROOM + 1 }, () => actor.alloc(1));
      const { count } = actor.region.depot;
      for (const block of blocks) assert(actor.free(block));
      assertEquals(actor.region.depot.count, count + CACHE_ROOM / 2);
    },
  }),

  "allocate a whole free run": ({ two }) => ({ actor: two, act: (actor) => assertBlock(actor.alloc(9 * BLOCK)) }),
  "allocate the start of a free run": ({ two }) => ({
    actor: two,
    act: (actor) => assertBlock(actor.alloc(6 * BLOCK)),
  }),
  "allocate the longer of two runs of one class": ({ two }) => ({
    actor: two,
    act: (actor) => assertBlock(actor.alloc(67 * BLOCK)),
  }),
  "allocate zeroed": ({ two }) => ({
    actor: two,
    act: (actor) => assertBlock(actor.allocZeroed(5 * BLOCK)),
  }),

  "allocate too much": ({ two }) => ({
    actor: two,
    act: (actor) => assertEquals(actor.alloc(actor.region.table.capacity * BLOCK), NONE),
  }),

  "grow": ({ two }) => ({ actor: two, act: (actor) => assertGrows(actor, () => actor.alloc(75 * BLOCK)) }),
  "grow and allocate zeroed": ({ two }) => ({
    actor: two,
    act: (actor) => assertGrows(actor, () => actor.allocZeroed(75 * BLOCK)),
  }),
  "grow for many": ({ two }) => ({
    actor: two,
    act: (actor) => assertGrows(actor, () => actor.allocMany(2, 68 * BLOCK)?.at(-1) ?? NONE),
  }),
  "trim": ({ one, three, setup }) => {
    setup.give(three, setup.take(one, 66));
    return { actor: three, act: (actor) => assert(actor.allocator.trim() > 0) };
  },

  "adopt": (scenario) => {
    const block = scenario.held(scenario.one, 3);
    return freeing(scenario.two, block, (actor) => actor.allocator.adopt("adopt", block) > 0);
  },

  "realloc into the free run before": (scenario) => {
    scenario.exhaust();
    const [before, behind] = scenario.neighbours();
    scenario.setup.give(scenario.one, before.block);
    const blocks = Math.ceil(before.bytes / BLOCK) + Math.ceil(behind.bytes / BLOCK);
    return {
      actor: scenario.two,
      act: (actor) => assertEquals(actor.resize(behind.block, blocks * BLOCK), before.block),
      about: [behind.block],
    };
  },

  "allocate many": ({ two }) => ({
    actor: two,
    act: (actor) => assertEquals(actor.allocMany(3, 100)?.length, 3),
  }),
  "allocate too many": ({ two }) => ({
    actor: two,
    act: (actor) => assertEquals(actor.allocMany(100, 200), undefined),
  }),

  "free many": (scenario) => {
    const about = [
      scenario.held(scenario.two, 1),
      scenario.held(scenario.one, 3),
      scenario.held(scenario.two, 2),
      scenario.held(scenario.four, 1),
    ];
    return { actor: scenario.three, act: (actor) => assertEquals(actor.allocator.freeMany(about), NONE), about };
  },

  "free many, the last of which is free already": (scenario) => {
    const about = [scenario.held(scenario.two, 1), scenario.held(scenario.one, 3), scenario.held(scenario.two, 2)];
    const named = [...about, runsOf(scenario.one.region).find(({ state }) => state === FREE)!.first];
    return { actor: scenario.three, act: (actor) => assertEquals(actor.allocator.freeMany(named), 3), about };
  },

  "free what a call has allocated and not delivered": (scenario) => {
    const about = [scenario.held(scenario.two, 1), scenario.held(scenario.two, 3)];
    return {
      actor: scenario.two,
      act: ({ allocator, region: { table } }) => {
        allocator.journal.allocatedMany = Int32Array.of(...about, NONE);
        allocator.freeUndelivered("allocate");
        assert(about.every((block) => !isAllocated(table.tag(block))));
      },
      about,
    };
  },

  "take over a single block": (scenario) => {
    scenario.exhaust();
    scenario.setup.give(scenario.three, scenario.held(scenario.two, 1));
    return { actor: scenario.two, act: (actor) => assertBlock(actor.alloc(64)) };
  },

  "recall single blocks that form a run": (scenario) => {
    scenario.setup.takeAll(scenario.two, 1);
    for (const { block } of scenario.live.slice(-7)) scenario.setup.give(scenario.three, block);
    return { actor: scenario.two, act: (actor) => assertBlock(actor.alloc(2 * BLOCK)) };
  },

  "free what another worker waits for": (scenario) => {
    scenario.exhaust();
    const block = scenario.held(scenario.one, 3);
    const place = scenario.wait(scenario.four, 2 * BLOCK);
    return freeing(scenario.two, block, (actor) => {
      const { queue, table } = actor.region;
      return actor.free(block) && queue.isGranted(place, table) && queue.blockAt(place) === block;
    });
  },

  "sweep": ({ four, memory }) => ({
    actor: four,
    act: (actor) => assert(withReaper(memory, actor, (reaper) => reaper.sweep())),
  }),
  "evict": ({ four, memory, pool: { dead } }) => ({
    actor: four,
    act: (actor) => {
      withReaper(memory, actor, (reaper) => reaper.evict());
      assertEquals(actor.region.slots.slotOf(dead.number), NONE);
    },
  }),
  "reap": ({ four }) => ({ actor: four, act: (actor) => assert(actor.allocator.reap() > 0) }),
  "leave": ({ three }) => ({ actor: three, act: (actor) => actor.allocator.leave() }),

  "join": ({ memory, one }) => {
    const number = one.region.header[NEXT_WORKER]!;
    const newcomer = new SimWorker(memory, one.region, number, memory.threadFor(number), 5);
    return {
      actor: newcomer,
      act: ({ region: { slots }, lock, thread }) => {
        const taken = [slots.nextWorker(), lock.run("attach", () => slots.take(number, thread))];
        assertEquals(taken, [number, 5]);
      },
    };
  },
};

/**
 * Worker three, whose cache is full, frees a block. After the flush, the depot holds `more` blocks more than before.
 */
function flushing(scenario: Scenario, more: number): Action {
  const block = scenario.held(scenario.two, 1);
  const { count } = scenario.three.region.depot;
  return freeing(scenario.three, block, (actor) => actor.free(block) && actor.region.depot.count === count + more);
}

function withReaper<T>(memory: SimMemory, { mapping, region, slot, lock }: SimWorker, use: (reaper: Reaper) => T): T {
  return lock.run("reap", () => use(new Reaper({ native: memory, mapping, region, slot })));
}
