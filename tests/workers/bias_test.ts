/**
 * Bias: a worker that is alone in its pool frees by plain stores, and no longer does so when another worker has
 * attached. The tests stop the biased worker between any two stores of a free, and let a real worker attach again and
 * again.
 */

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
import type { BiasOrder, BiasReport } from "./_bias_worker.ts";

const BLOCKS = 16;
/** How often another worker attaches and leaves. */
const visits = effort(100, 20_000);

interface Alone {
  readonly memory: SimMemory;
  readonly one: SimWorker;
  /** The block that the worker holds. */
  readonly block: number;
}

/** A pool with one worker, which holds one block and has others cached. */
function alone(): Alone {
  const memory = SimMemory.make({ blocks: BLOCKS, cachedBlocks: 4 });
  const one = SimWorker.attach(memory);
  return { memory, one, block: one.alloc(1) };
}

/** The number of the worker towards which the pool is biased, 0 for none. */
function biasedWorker({ words }: SimMemory): number {
  const tag = words[BIAS_TAG]!;
  const number = [1, 2, 3].find((number) => tag === makeTag(CACHED, number));
  assert(number !== undefined || tag === 0, `BIAS_TAG is ${tag}`);
  return number ?? 0;
}

/** Allocates all blocks of the cache, and then one more, for which the cache is refilled. */
function refill(worker: SimWorker): void {
  const { cachedBlocks } = worker.stats();
  for (let taken = 0; taken <= cachedBlocks; taken++) worker.alloc(1);
}

test("bias - a pool is biased towards its only worker, not while it has several, and again when one is left", () => {
  const { memory, one } = alone();
  assertEquals(biasedWorker(memory), 1);
  const two = SimWorker.attach(memory);
  refill(one);
  assertEquals(biasedWorker(memory), 0);
  two.alloc(1);
  assertEquals(biasedWorker(memory), 0);
  one.allocator.leave();
  refill(two);
  assertEquals(biasedWorker(memory), 2);
  const three = SimWorker.attach(memory);
  three.allocator.leave();
  assertEquals(biasedWorker(memory), 0);
  two.check();
});

test("bias - a biased worker frees without an exchange, each of two workers with one", () => {
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

test("bias - a second free of a block is refused", () => {
  const { one, block } = alone();
  assertEquals([one.free(block), one.free(block)], [true, false]);
  one.check();
});

/**
 * Every moment of a free by plain stores: the memory at that moment, and a function that makes the remaining stores.
 */
function* momentsOfFree(): Iterable<{ memory: SimMemory; rest: () => void; when: string; block: number }> {
  const { memory: before, one, block } = alone();
  const after = before.copy();
  const { steps, result } = record(after, one.over(after), (worker) => worker.allocator.cache.give(block));
  assert(result);
  assert(
    steps.filter(({ word }) => word === slotWord(0) + SLOT_FREEING).length === 2,
    "the block was not freed by plain stores",
  );
  for (let done = 0; done <= steps.length; done++) {
    const memory = before.copy();
    for (const step of steps.slice(0, done)) step.apply(memory);
    const rest = (): void => steps.slice(done).forEach((step) => step.apply(memory));
    yield { memory, rest, when: `after ${done} of ${steps.length} stores`, block };
  }
}

test("bias - the biased worker dies at any moment of a free: the block is cached or still allocated", () => {
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

test("bias - a worker that attaches at any moment of a free waits for its end", () => {
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
  assertEquals(waits, 2); // before and after the store of the tag
});

test("bias - while a free does not end, attach throws lock-timeout and the worker is not attached", () => {
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

test("bias - while attach waits for a free, the time in which the process is stopped does not count", () => {
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

test("bias - if the system refuses the barrier, attach throws, and the next attach executes the barrier", () => {
  const { memory, one, block } = alone();
  const refusal = "Cannot attach: the system refused a memory barrier of all threads";
  assertRefused(() => revokeBias({ alive: () => true, barrier: () => false }, one.region, 20), "unsupported", refusal);
  assertEquals(memory.words[BIAS_TAG], REVOKING); // so the next free uses an exchange
  assert(one.free(block));
  let passed = 0;
  memory.barrier = () => ++passed > 0;
  SimWorker.attach(memory);
  assertEquals([passed, biasedWorker(memory)], [1, 0]);
  SimWorker.attach(memory);
  assertEquals(passed, 1);
});

test("bias - after an attach that failed, a refill biases the pool towards its only worker again", () => {
  const { memory, one } = alone();
  memory.words[BIAS_TAG] = REVOKING;
  one.check();
  refill(one);
  assertEquals(biasedWorker(memory), 1);
});

test("bias - any flipped bit of its words is reported by check, and a second free is still refused", () => {
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

test("bias - one worker frees as fast as it can, another attaches, tries to free the same blocks, and leaves", () =>
  withWorkers(new URL("./_bias_worker.ts", import.meta.url), 1, async ([worker]) => {
    using pool = MemPool.init(BLOCKS * 64, 64, { cachedBlocks: 4 });
    const { handle } = pool;
    const words = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length));
    const [published, rounds, stop] = [words(BLOCKS / 2), words(1), words(1)];
    let isDone = false;
    const order: BiasOrder = { handle, published, rounds, stop };
    const report = worker!.call<BiasReport>(order).finally(() => isDone = true);
    pool.close();
    let won = 0;
    for (let visit = 0; visit < visits && !isDone; visit++) {
      const before = Atomics.load(rounds, 0);
      while (Atomics.load(rounds, 0) === before && !isDone) await new Promise((resolve) => setTimeout(resolve, 0));
      using visitor = MemPool.attach(handle);
      for (let tries = 0; tries < 100; tries++) {
        const offset = Atomics.load(published, tries % published.length) - 1;
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
