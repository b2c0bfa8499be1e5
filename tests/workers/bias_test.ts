/** A worker that is alone in its pool frees by plain stores, and stops before anybody else could free the same block. */

import { assert, assertEquals } from "@std/assert";
import { MemPool } from "mempool";
import { BIAS_TAG, CACHED, REVOKING, SLOT_FREEING } from "../../src/region/layout.ts";
import { slotWord } from "../../src/region/worker_slots.ts";
import { revokeBias } from "../../src/cache/bias.ts";
import { makeTag, stateOf } from "../../src/region/block_table.ts";
import { effort } from "../support/effort.ts";
import { test, withWorkers } from "../support/harness.ts";
import { assertRefused } from "../support/pool.ts";
import { record } from "../support/recording.ts";
import { SimMemory, SimWorker } from "../support/simulation.ts";
import { winsFree } from "./_bias.ts";
import type { SoleOrder, SoleReport } from "./_bias_worker.ts";

const BLOCKS = 16;
const visits = effort(300, 20_000);

interface Alone {
  readonly memory: SimMemory;
  readonly one: SimWorker;
  /** What it holds. */
  readonly block: number;
}

/** A pool with one worker, which holds a block and has others cached. */
function alone(): Alone {
  const memory = SimMemory.make({ blocks: BLOCKS, cachedBlocks: 4 });
  const one = SimWorker.attach(memory);
  return { memory, one, block: one.alloc(1) };
}

/** The worker named in SOLE_TAG has this number; 0 for none. */
function soleOf({ words }: SimMemory): number {
  const tag = words[BIAS_TAG]!;
  const number = [1, 2, 3].find((number) => tag === makeTag(CACHED, number));
  assert(number !== undefined || tag === 0, `it says ${tag}`);
  return number ?? 0;
}

/** Takes all that the cache has, and then a block that it has to be filled for. */
function useUp(worker: SimWorker): void {
  const { cachedBlocks } = worker.stats();
  for (let taken = 0; taken <= cachedBlocks; taken++) worker.alloc(1);
}

test("sole - the pool's only worker, not where others are, and again once they have left", () => {
  const { memory, one } = alone();
  assertEquals(soleOf(memory), 1);
  const two = SimWorker.attach(memory);
  useUp(one);
  assertEquals(soleOf(memory), 0);
  two.alloc(1);
  assertEquals(soleOf(memory), 0);
  one.allocator.leave();
  useUp(two);
  assertEquals(soleOf(memory), 2);
  const three = SimWorker.attach(memory);
  three.allocator.leave();
  assertEquals(soleOf(memory), 0);
  two.check();
});

test("sole - frees without an exchange, and two workers with one", () => {
  const { memory, one, block } = alone();
  const exchanges = (worker: SimWorker, block: number): number => {
    let count = 0;
    const mapping = memory.mappingFor(worker.thread, memory.words);
    const exchange = mapping.exchange.bind(mapping);
    Object.assign(worker.allocator.cache, {
      mapping: {
        exchange: (...words: Parameters<typeof exchange>) => {
          count++;
          return exchange(...words);
        },
      },
    });
    assert(worker.allocator.cache.give(block));
    return count;
  };
  assertEquals(exchanges(one, block), 0);
  const again = one.alloc(1);
  const two = SimWorker.attach(memory);
  assertEquals(exchanges(one, again), 1);
  assertEquals(exchanges(two, two.alloc(1)), 1);
});

test("sole - a second free is refused, as ever", () => {
  const { one, block } = alone();
  assertEquals([one.free(block), one.free(block)], [true, false]);
  one.check();
});

/** Every moment of a free by plain stores: the memory there, and what is left to do. */
function* momentsOfFree(): Iterable<{ memory: SimMemory; rest: () => void; when: string; block: number }> {
  const { memory: before, one, block } = alone();
  const after = before.copy();
  const { steps, result } = record(after, one.over(after), (worker) => worker.allocator.cache.give(block));
  assert(result);
  assert(
    steps.filter(({ word }) => word === slotWord(0) + SLOT_FREEING).length === 2,
    "it was no free by plain stores",
  );
  for (let done = 0; done <= steps.length; done++) {
    const memory = before.copy();
    for (const step of steps.slice(0, done)) step.apply(memory);
    const rest = (): void => steps.slice(done).forEach((step) => step.apply(memory));
    yield { memory, rest, when: `after ${done} of ${steps.length} stores`, block };
  }
}

test("sole - its worker dies at any moment of a free: the block was freed, or is there to be", () => {
  let [freed, held] = [0, 0];
  for (const { memory, when, block } of momentsOfFree()) {
    memory.living.delete(1);
    const two = SimWorker.attach(memory);
    const cached = stateOf(two.region.table.tag(block)) === CACHED;
    two.check();
    assertEquals(two.free(block), !cached, when);
    if (cached) freed++;
    else held++;
    two.allocator.reap();
    two.check();
    assertEquals(two.stats().allocatedBlocks, 0, when);
  }
  assert(freed > 0 && held > 0);
});

test("sole - another attaches at any moment of a free: it waits for the end of it", () => {
  let waits = 0;
  for (const { memory, rest, when, block } of momentsOfFree()) {
    if (memory.words[slotWord(0) + SLOT_FREEING] === 0) continue;
    const alive = memory.alive.bind(memory);
    let asked = 0;
    memory.alive = (thread) => {
      if (++asked === 3) rest();
      return alive(thread);
    };
    const two = SimWorker.attach(memory);
    assertEquals([asked, two.free(block)], [3, false], when);
    two.check();
    waits++;
  }
  assertEquals(waits, 2); // before the tag is stored, and after
});

test("sole - a free that does not end: lock-timeout, and nobody has attached", () => {
  const { memory, one } = alone();
  memory.words[slotWord(0) + SLOT_FREEING] = 1;
  const { region } = one;
  assertRefused(
    () => revokeBias(memory, region, 20),
    "lock-timeout",
    "Cannot attach: worker 1 in slot 0 did not end a free within 20 ms",
  );
  assertEquals([memory.words[BIAS_TAG], one.stats().workers], [REVOKING, 1]);
  memory.words[slotWord(0) + SLOT_FREEING] = 0;
  SimWorker.attach(memory).check();
});

test("revokeBias - the time in which the process was stopped is no wait", () => {
  const { memory, one } = alone();
  const freeing = slotWord(0) + SLOT_FREEING;
  const runtimesNow = performance.now;
  for (const stopAt of [1, 2, 3]) {
    memory.words[freeing] = 1;
    let [looks, stopped] = [0, 0];
    performance.now = () => runtimesNow.call(performance) + stopped;
    try {
      revokeBias(
        {
          barrier: () => true,
          alive: () => {
            if (++looks === stopAt) stopped = 3_600_000;
            if (looks === stopAt + 2) memory.words[freeing] = 0;
            return true;
          },
        },
        one.region,
        1000,
      );
    } finally {
      performance.now = runtimesNow;
    }
    assertEquals([looks, memory.words[BIAS_TAG]], [stopAt + 2, 0]);
    memory.words[BIAS_TAG] = REVOKING;
  }
});

test("sole - no barrier: refused, and the next one that attaches passes it", () => {
  const { memory, one, block } = alone();
  const refusal = "Cannot attach: the system refused a memory barrier of all threads";
  assertRefused(() => revokeBias({ alive: () => true, barrier: () => false }, one.region, 20), "unsupported", refusal);
  assertEquals(memory.words[BIAS_TAG], REVOKING); // and so by an exchange
  assert(one.free(block));
  let passed = 0;
  memory.barrier = () => ++passed > 0;
  SimWorker.attach(memory);
  assertEquals([passed, soleOf(memory)], [1, 0]);
  SimWorker.attach(memory);
  assertEquals(passed, 1);
});

test("sole - where it was unsettled, the only worker is that again", () => {
  const { memory, one } = alone();
  memory.words[BIAS_TAG] = REVOKING;
  one.check();
  useUp(one);
  assertEquals(soleOf(memory), 1);
});

test("sole - any bit of the words for it: check says so, and a second free is refused", () => {
  for (const word of [BIAS_TAG, slotWord(0) + SLOT_FREEING]) {
    for (let bit = 0; bit < 32; bit++) {
      const { memory, one, block } = alone();
      memory.words[word]! ^= 1 << bit;
      let error = "";
      try {
        one.check();
      } catch (thrown) {
        error = (thrown as Error).message;
      }
      assert(error.startsWith("The pool is corrupt (invariant I13): "), `word ${word}, bit ${bit}: ${error}`);
      assertEquals([one.free(block), one.free(block)], [true, false]);
    }
  }
});

test("sole - a worker that frees as fast as it can, and one that attaches, frees the same blocks and leaves", () =>
  withWorkers(new URL("./_bias_worker.ts", import.meta.url), 1, async ([worker]) => {
    using pool = MemPool.init(BLOCKS * 64, 64, { cachedBlocks: 4 });
    const { handle } = pool;
    const words = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length));
    const [shown, rounds, stop] = [words(BLOCKS / 2), words(1), words(1)];
    let over = false;
    const order: SoleOrder = { handle, shown, rounds, stop };
    const report = worker!.call<SoleReport>(order).finally(() => over = true);
    pool.close();
    let won = 0;
    for (let visit = 0; visit < visits && !over; visit++) {
      const before = Atomics.load(rounds, 0);
      while (Atomics.load(rounds, 0) === before && !over) await new Promise((resolve) => setTimeout(resolve, 0));
      using visitor = MemPool.attach(handle);
      for (let tries = 0; tries < 100; tries++) {
        const offset = Atomics.load(shown, tries % shown.length) - 1;
        if (offset >= 0 && winsFree(visitor, offset)) won++;
      }
      visitor.check();
    }
    using last = MemPool.attach(handle);
    Atomics.store(stop, 0, 1);
    const { allocated, freed } = await report;
    assert(won > 0, "the visitor never freed anything: the test tests nothing");
    last.check();
    const { allocs, frees, allocatedBlocks } = last.stats();
    assertEquals([freed + won, allocs, frees, allocatedBlocks], [allocated, allocated, allocated, 0]);
  }));
