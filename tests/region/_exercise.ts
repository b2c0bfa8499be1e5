/**
 * Calls every operation of a populated pool (_populated_pool.ts) in a fixed order. The tests of corrupted words
 * (bits_test.ts) run it after each corruption: in an intact pool every result must be right; in a pool that `check` has
 * found to be corrupt, calls may throw, but no block may lie outside the data and no call may hang or throw anything
 * else.
 *
 * How to read a failure: "allocated: false instead of true" is one expectation, by the name that the code below gives
 * it. Other messages come from `Holdings`, which watches what is handed out, or from the pool.
 */

import { MemPoolError } from "mempool";
import { NONE } from "../../src/region/layout.ts";
import { NOT_ALLOCATED } from "../../src/allocator/resize.ts";
import { assertInside, Holdings, type LiveRun, type PopulatedPool } from "./_populated_pool.ts";
import { type SimMemory, SimWorker } from "../support/simulation.ts";

/** The only codes with which a corrupt pool may refuse a call. */
const ALLOWED: readonly string[] = ["corrupt", "double-free", "destroyed", "too-many-workers"];

const SIZES = [64, 10, 64, 130, 5 * 64, 66 * 64, 70 * 64, 1];

export class Exercise {
  readonly #memory: SimMemory;
  readonly #pool: PopulatedPool;
  readonly #holdings: Holdings;
  readonly #intact: boolean;
  readonly #lengths: boolean;

  /**
   * @param intact Whether every result must be right, because the pool is intact or its corruption must be harmless.
   * @param lengths Whether the requested lengths that the pool has stored are intact.
   */
  constructor(memory: SimMemory, pool: PopulatedPool, intact: boolean, lengths = true) {
    this.#memory = memory;
    this.#pool = pool;
    this.#holdings = new Holdings(memory.data, pool.live);
    this.#intact = intact;
    this.#lengths = lengths;
  }

  run(): void {
    this.#readStats();
    this.#allocate();
    this.#adopt();
    this.#resize();
    this.#allocateAndFreeMany();
    this.#exhaust();
    this.#free();
    this.#trim();
    this.#reap();
    this.#join();
    this.#freeEverything();
  }

  /** Calls the pool. If the pool is known to be corrupt, the call may be refused; then returns `otherwise`. */
  #try<T>(act: () => T, otherwise: T): T {
    try {
      return act();
    } catch (error) {
      const expected = error instanceof MemPoolError && ALLOWED.includes(error.code);
      if (this.#intact || !expected) throw error;
      return otherwise;
    }
  }

  /** Compares a result, unless the pool is known to be corrupt. */
  #expect(actual: number | boolean | undefined, expected: number | boolean, what: string): void {
    if (this.#intact && actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
  }

  /** Records an allocation; in a corrupt pool, checks only that it lies inside the data. */
  #note(worker: SimWorker, block: number, bytes: number): void {
    if (block === NONE) return;
    if (this.#intact) this.#holdings.add(worker, block, bytes);
    else assertInside(this.#memory.data, block, bytes);
  }

  #give(worker: SimWorker, block: number): void {
    const freed = this.#try(() => worker.free(block), false);
    this.#expect(freed, true, "the call finds its run allocated");
    this.#holdings.remove(block);
  }

  #readStats(): void {
    for (const worker of this.#pool.workers) {
      this.#try(() => {
        const { allocatedBlocks, cachedBlocks, freeBlocks, blockCount, workers } = worker.stats();
        this.#expect(allocatedBlocks + cachedBlocks + freeBlocks, blockCount, "sum of all blocks");
        this.#expect(workers, 5, "attached workers");
      }, undefined);
    }
  }

  #allocate(): void {
    for (const [place, worker] of this.#pool.workers.entries()) {
      for (const bytes of SIZES.slice(0, 8 - 2 * place)) {
        this.#note(
          worker,
          this.#try(() => worker.alloc(bytes), NONE),
          bytes,
        );
      }
      this.#takeZeroed(worker, 100);
    }
  }

  #takeZeroed(worker: SimWorker, bytes: number): void {
    const block = this.#try(() => worker.allocZeroed(bytes), NONE);
    if (this.#intact && block !== NONE) {
      const data = this.#memory.data.subarray(block * 64, block * 64 + bytes);
      this.#expect(data.every((byte) => byte === 0), true, `block ${block} is zero`);
    }
    this.#note(worker, block, bytes);
  }

  #trim(): void {
    const [one, two] = this.#pool.workers as [SimWorker, SimWorker];
    this.#try(() => one.allocator.trim(), 0);
    for (const bytes of [64, 3 * 64, 40 * 64]) this.#takeZeroed(two, bytes);
  }

  #adopt(): void {
    const [one] = this.#pool.workers as [SimWorker];
    for (const { block, bytes, owner } of this.#holdings.all) {
      if (owner === this.#pool.dead) continue;
      const requested = this.#try(() => one.allocator.adopt("look at", block), bytes);
      if (this.#lengths) this.#expect(requested, bytes, "requested bytes");
      assertInside(this.#memory.data, block, requested);
    }
  }

  #resize(): void {
    for (const [place, live] of this.#holdings.all.entries()) {
      if (live.owner === this.#pool.dead || place % 4 !== 0) continue;
      const worker = this.#pool.workers[place / 4 % 4]!;
      for (const bytes of [2 * live.bytes, 1, 70]) this.#resizeTo(worker, live.block, bytes);
    }
  }

  #resizeTo(worker: SimWorker, block: number, bytes: number): void {
    const live = this.#holdings.at(block);
    if (live === undefined) return;
    const target = this.#try(() => worker.resize(block, bytes), NOT_ALLOCATED);
    if (target === NONE) return;
    this.#expect(target !== NOT_ALLOCATED, true, "the call finds its run allocated");
    if (target === NOT_ALLOCATED) return;
    if (this.#intact && this.#lengths) this.#holdings.assertIntact(live, target, Math.min(live.bytes, bytes));
    this.#holdings.remove(block);
    this.#note(worker, target, bytes);
  }

  #allocateAndFreeMany(): void {
    const [one, two] = this.#pool.workers as [SimWorker, SimWorker];
    for (const [count, bytes] of [[3, 100], [9, 20], [1000, 1]] as const) {
      const blocks = this.#try(() => one.allocMany(count, bytes), undefined);
      for (const block of blocks ?? []) this.#note(one, block, bytes);
      if (blocks === undefined) continue;
      const refused = this.#try(() => two.allocator.freeMany([...blocks, blocks[0]!]), count);
      this.#expect(refused, count, "place of the block that is named twice");
      const freed = this.#try(() => two.allocator.freeMany([...blocks]), NONE);
      this.#expect(freed, NONE, "place of the first block that is not allocated");
      for (const block of blocks) this.#holdings.remove(block);
    }
  }

  /** Allocates until nothing is left. Then no worker may have a block cached any more. */
  #exhaust(): void {
    const worker = this.#pool.workers[2]!;
    const taken: number[] = [];
    for (const bytes of [80 * 64, 9 * 64, 3 * 64, 64]) {
      for (let tries = 0; tries < 100; tries++) {
        const block = this.#try(() => worker.alloc(bytes), NONE);
        if (block === NONE) break;
        this.#note(worker, block, bytes);
        taken.push(block);
      }
    }
    const stats = this.#try(() => worker.stats(), undefined);
    this.#expect(stats?.allocatedBlocks, stats?.blockCount ?? 0, "allocated blocks of an exhausted pool");
    for (const block of taken) this.#give(worker, block);
  }

  /** Frees every second run, from a worker that need not be the one that allocated it. */
  #free(): void {
    for (const [place, { block, owner }] of this.#holdings.all.entries()) {
      if (place % 2 === 0 && owner !== this.#pool.dead) this.#give(this.#pool.workers[place % 4]!, block);
    }
  }

  #reap(): void {
    const left: LiveRun[] = this.#holdings.all.filter(({ owner }) => owner === this.#pool.dead);
    const blocks = this.#try(() => this.#pool.workers[1]!.allocator.reap(), 0);
    this.#expect(blocks >= left.length, true, "reap returns at least what the dead worker held");
    for (const { block } of left) this.#holdings.remove(block);
  }

  #join(): void {
    const worker = this.#try(() => SimWorker.attach(this.#memory), undefined);
    if (worker === undefined) return;
    this.#note(worker, this.#try(() => worker.alloc(64), NONE), 64);
    this.#try(() => worker.check(), undefined);
    this.#try(() => worker.allocator.leave(), undefined);
  }

  /** Frees everything. Then the whole pool must be one free run. */
  #freeEverything(): void {
    const [one, ...others] = this.#pool.workers as [SimWorker, ...SimWorker[]];
    if (this.#intact) this.#holdings.assertAllIntact();
    for (const { block } of this.#holdings.all) this.#give(one, block);
    for (const worker of others) this.#try(() => worker.allocator.leave(), undefined);
    this.#try(() => one.check(), undefined);
    this.#try(() => {
      const { largestFreeRun, blockCount, allocatedBlocks } = one.stats();
      this.#expect(largestFreeRun, blockCount, "largest free run at the end");
      this.#expect(allocatedBlocks, 0, "allocated blocks at the end");
    }, undefined);
    this.#try(() => one.allocator.leave(), undefined);
  }
}
