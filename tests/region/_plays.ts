/** Operations that change the table, each in a rich pool where what its name says comes about. */

import { assert, assertEquals } from "@std/assert";
import { AWAITED, FREE, NEXT_WORKER, NONE, PLAIN_CLAIMS, SLOT_TOP, STATE } from "../../src/region/layout.ts";
import { Reaper } from "../../src/allocator/reap.ts";
import { NOT_ALLOCATED } from "../../src/allocator/resize.ts";
import { slotWord } from "../../src/region/worker_slots.ts";
import { isAllocated } from "../../src/region/block_table.ts";
import { runsOf } from "../support/plain.ts";
import { enrich, type Live, RICH, type Rich, Scene } from "./_rich.ts";
import { SimMemory, SimWorker } from "../support/simulation.ts";
import type { Operation } from "./_steps.ts";

export const BLOCK = 64;

/** What a worker does, and to which blocks that were held before. */
export interface Part {
  readonly actor: SimWorker;
  readonly act: (actor: SimWorker) => unknown;
  readonly about?: readonly number[];
}

/** A rich pool, made anew for each operation. */
export class Play {
  readonly memory: SimMemory;
  readonly scene: Scene;
  readonly one: SimWorker;
  readonly two: SimWorker;
  readonly three: SimWorker;
  readonly four: SimWorker;
  readonly rich: Rich;

  constructor(checked = false) {
    this.memory = SimMemory.make({ ...RICH, checked });
    this.rich = enrich(this.memory, !checked);
    [this.one, this.two, this.three, this.four] = this.rich.workers as [SimWorker, SimWorker, SimWorker, SimWorker];
    this.memory.living.delete(this.rich.dead.thread);
    this.scene = new Scene(this.memory, this.rich.live);
  }

  /** What the living hold. */
  get live(): Live[] {
    return this.scene.holdings.all.filter(({ owner }) => owner !== this.rich.dead);
  }

  /** A run of so many blocks that a worker holds. */
  held(owner: SimWorker, blocks: number): number {
    const found = this.live.find((one) => one.owner === owner && Math.ceil(one.bytes / BLOCK) === blocks);
    if (found !== undefined) return found.block;
    const block = this.scene.take(owner, blocks);
    assert(block !== NONE, `no run of ${blocks} is left`);
    return block;
  }

  /** Lets two hold all that there is, but for what others have cached. */
  exhaust(): void {
    for (const blocks of [66, 9, 4, 2]) this.scene.takeAll(this.two, blocks);
    this.scene.takeAll(this.two, 1);
  }

  /** Lets two take single blocks, and three free at least so many of them: until its cache is full. */
  pass(blocks: number): void {
    const { header } = this.three.region;
    const taken = Array.from({ length: blocks + RICH.cachedBlocks }, () => this.scene.take(this.two, 1));
    while (taken.length > RICH.cachedBlocks || header[slotWord(this.three.slot) + SLOT_TOP]! < RICH.cachedBlocks) {
      this.scene.give(this.three, taken.pop()!);
    }
  }

  /** Empties two's cache. */
  useUp(): void {
    for (let block = 0; block !== NONE;) {
      block = this.two.allocator.cache.take(1);
      this.scene.holdings.add(this.two, block, 1);
    }
  }

  /** Lets a worker wait for so many bytes, as src/allocator/waiters.ts does; returns the request's place. */
  wait({ number, lock, region }: SimWorker, bytes: number): number {
    return lock.run("allocate", () => {
      region.header[STATE] = AWAITED;
      return region.queue.push(number, bytes);
    });
  }

  /** A run of several blocks and the one behind it, both held. */
  neighbours(): [Live, Live] {
    for (const before of this.live.filter(({ bytes }) => bytes > BLOCK)) {
      const behind = this.scene.holdings.at(before.block + Math.ceil(before.bytes / BLOCK));
      if (behind !== undefined && behind.owner !== this.rich.dead) return [before, behind];
    }
    throw new Error("No two runs are neighbours");
  }

  operation({ actor, act, about = [] }: Part): Operation {
    const others = this.rich.workers.filter((worker) => worker !== actor);
    return { memory: this.memory, actor, act, others, dead: [this.rich.dead], live: this.live, about };
  }
}

/** What `act` returns, which has to be a block. */
export function got(block: number): void {
  assert(block !== NONE && block !== NOT_ALLOCATED, "nothing was handed out");
}

/** The same, where the pool has to grow for it. */
function growing(actor: SimWorker, allocate: () => number): void {
  const { blockCount } = actor.region.table;
  got(allocate());
  assert(actor.region.table.blockCount > blockCount, "it has not grown");
}

/** A `Part` that takes one of a worker's blocks and frees it. */
export function freeing(actor: SimWorker, block: number, free: (actor: SimWorker) => boolean): Part {
  return { actor, act: (actor) => assert(free(actor)), about: [block] };
}

/** Each says in `act` that it does what its name says. */
export const OPERATIONS: Readonly<Record<string, (play: Play) => Part>> = {
  "take from the cache": ({ one }) => ({ actor: one, act: (actor) => got(actor.allocator.cache.take(10)) }),

  "take from the cache by exchange": ({ one }) => {
    one.region.header[PLAIN_CLAIMS] = 0;
    return { actor: one, act: (actor) => got(actor.allocator.cache.take(10)) };
  },

  "give to the cache": (play) => {
    const block = play.held(play.two, 1);
    return freeing(play.two, block, (actor) => actor.allocator.cache.give(block));
  },

  "give what another holds": (play) => {
    const block = play.held(play.four, 1);
    return freeing(play.two, block, (actor) => actor.allocator.cache.give(block));
  },

  "take a short run from the cache": ({ two }) => ({
    actor: two,
    act: (actor) => got(actor.allocator.runCache.take(3 * BLOCK)),
  }),

  "take a short run from the cache by exchange": ({ two }) => {
    two.region.header[PLAIN_CLAIMS] = 0;
    return { actor: two, act: (actor) => got(actor.allocator.runCache.take(3 * BLOCK - 5)) };
  },

  "take a short run where the only entry is stale": ({ four }) => ({
    actor: four,
    act: (actor) => got(actor.alloc(2 * BLOCK)),
  }),

  "give a short run to the cache": (play) => {
    const block = play.held(play.two, 2);
    return freeing(play.two, block, (actor) => actor.allocator.runCache.give(block));
  },

  "give a short run that another holds": (play) => {
    const block = play.held(play.four, 2);
    return freeing(play.two, block, (actor) => actor.allocator.runCache.give(block));
  },

  "give a short run where somebody waits": (play) => {
    play.exhaust();
    play.scene.takeAll(play.one, 2);
    const block = play.held(play.two, 2);
    const { table } = play.two.region;
    play.wait(play.four, 4 * BLOCK);
    return freeing(play.two, block, (actor) => !actor.allocator.runCache.give(block) && isAllocated(table.tag(block)));
  },

  "refill from the depot": (play) => {
    play.useUp();
    const { top } = play.two.region.depot;
    return {
      actor: play.two,
      act: (actor) => {
        got(actor.alloc(20));
        assert(actor.region.depot.top < top);
      },
    };
  },

  "refill from several free runs": (play) => {
    while (play.two.region.depot.top > 0) play.scene.take(play.two, 1);
    play.useUp();
    return { actor: play.two, act: (actor) => got(actor.alloc(20)) };
  },

  "refill where all entries are stale": ({ four }) => ({ actor: four, act: (actor) => got(actor.alloc(20)) }),

  "drain into the depot": (play) => {
    play.pass(0);
    return draining(play, RICH.cachedBlocks / 2);
  },

  "drain where the depot is full": (play) => {
    play.pass(50);
    return draining(play, 0);
  },

  "allocate a free run as it is": ({ two }) => ({ actor: two, act: (actor) => got(actor.alloc(9 * BLOCK)) }),
  "allocate the start of a free run": ({ two }) => ({ actor: two, act: (actor) => got(actor.alloc(6 * BLOCK)) }),
  "allocate the longer one of a class": ({ two }) => ({ actor: two, act: (actor) => got(actor.alloc(67 * BLOCK)) }),
  "allocate zeroed": ({ two }) => ({ actor: two, act: (actor) => got(actor.allocator.allocateZeroed(5 * BLOCK)) }),

  "allocate too much": ({ two }) => ({
    actor: two,
    act: (actor) => assertEquals(actor.alloc(actor.region.table.capacity * BLOCK), NONE),
  }),

  "grow": ({ two }) => ({ actor: two, act: (actor) => growing(actor, () => actor.alloc(75 * BLOCK)) }),
  "grow and allocate zeroed": ({ two }) => ({
    actor: two,
    act: (actor) => growing(actor, () => actor.allocator.allocateZeroed(75 * BLOCK)),
  }),
  "grow for many": ({ two }) => ({
    actor: two,
    act: (actor) => growing(actor, () => actor.allocator.allocateMany(2, 68 * BLOCK)?.at(-1) ?? NONE),
  }),
  "trim": ({ one, three, scene }) => {
    scene.give(three, scene.take(one, 66));
    return { actor: three, act: (actor) => assert(actor.allocator.trim() > 0) };
  },

  "adopt": (play) => {
    const block = play.held(play.one, 3);
    return freeing(play.two, block, (actor) => actor.allocator.adopt("adopt", block) > 0);
  },

  "realloc down into the free run before": (play) => {
    play.exhaust();
    const [before, behind] = play.neighbours();
    play.scene.give(play.one, before.block);
    const blocks = Math.ceil(before.bytes / BLOCK) + Math.ceil(behind.bytes / BLOCK);
    return {
      actor: play.two,
      act: (actor) => assertEquals(actor.allocator.resize(behind.block, blocks * BLOCK), before.block),
      about: [behind.block],
    };
  },

  "allocate many": ({ two }) => ({
    actor: two,
    act: (actor) => assertEquals(actor.allocator.allocateMany(3, 100)?.length, 3),
  }),
  "allocate too many": ({ two }) => ({
    actor: two,
    act: (actor) => assertEquals(actor.allocator.allocateMany(100, 200), undefined),
  }),

  "free many": (play) => {
    const about = [play.held(play.two, 1), play.held(play.one, 3), play.held(play.two, 2), play.held(play.four, 1)];
    return { actor: play.three, act: (actor) => assertEquals(actor.allocator.freeMany(about), NONE), about };
  },

  "free many, of which the last is free": (play) => {
    const about = [play.held(play.two, 1), play.held(play.one, 3), play.held(play.two, 2)];
    const named = [...about, runsOf(play.one.region).find(({ state }) => state === FREE)!.first];
    return { actor: play.three, act: (actor) => assertEquals(actor.allocator.freeMany(named), 3), about };
  },

  "recall a single block": (play) => {
    play.exhaust();
    play.scene.give(play.three, play.held(play.two, 1));
    return { actor: play.two, act: (actor) => got(actor.alloc(64)) };
  },

  "recall what makes a run": (play) => {
    play.scene.takeAll(play.two, 1);
    for (const { block } of play.live.slice(-7)) play.scene.give(play.three, block);
    return { actor: play.two, act: (actor) => got(actor.alloc(2 * BLOCK)) };
  },

  "free what another waits for": (play) => {
    play.exhaust();
    const block = play.held(play.one, 3);
    const place = play.wait(play.four, 2 * BLOCK);
    return freeing(play.two, block, (actor) => {
      const { queue, table } = actor.region;
      return actor.free(block) && queue.isGranted(place, table) && queue.blockAt(place) === block;
    });
  },

  "sweep": ({ four, memory }) => ({
    actor: four,
    act: (actor) => assert(withReaper(memory, actor, (reaper) => reaper.sweep())),
  }),
  "evict": ({ four, memory, rich: { dead } }) => ({
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

/** Three, whose cache is full, frees a block: then so many more are in the depot. */
function draining(play: Play, more: number): Part {
  const block = play.held(play.two, 1);
  const { top } = play.three.region.depot;
  return freeing(play.three, block, (actor) => actor.free(block) && actor.region.depot.top === top + more);
}

function withReaper<T>(memory: SimMemory, { region, lock }: SimWorker, use: (reaper: Reaper) => T): T {
  return lock.run("reap", () => use(new Reaper({ native: memory, region }, (block) => region.runs.coalesce(block))));
}
