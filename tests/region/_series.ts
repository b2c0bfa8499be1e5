/** A fixed series of everything that can be done with a pool, over the rich state of _rich.ts. */

import { MemPoolError } from "mempool";
import { NONE } from "../../src/region/layout.ts";
import { NOT_ALLOCATED } from "../../src/allocator/resize.ts";
import { assertInside, Holdings, type Live, type Rich } from "./_rich.ts";
import { type SimMemory, SimWorker } from "../support/simulation.ts";

/** What a pool that contradicts itself may say, and nothing else. */
const ALLOWED: readonly string[] = ["corrupt", "double-free", "destroyed", "too-many-workers"];

const SIZES = [64, 10, 64, 130, 5 * 64, 66 * 64, 70 * 64, 1];

/**
 * Does everything with a pool that is whole, or damaged in a way that `check` has not found: then nothing may go wrong.
 * With a pool that `check` has found to be broken, each call may say so; but no other error comes of it, and no block lies
 * outside of the data.
 */
export class Series {
  readonly #memory: SimMemory;
  readonly #rich: Rich;
  readonly #holdings: Holdings;
  readonly #whole: boolean;
  readonly #lengths: boolean;

  /** `lengths`: whether the bytes that were asked for can be believed. */
  constructor(memory: SimMemory, rich: Rich, whole: boolean, lengths = true) {
    this.#memory = memory;
    this.#rich = rich;
    this.#holdings = new Holdings(memory.data, rich.live);
    this.#whole = whole;
    this.#lengths = lengths;
  }

  run(): void {
    this.#count();
    this.#allocate();
    this.#look();
    this.#resize();
    this.#many();
    this.#exhaust();
    this.#free();
    this.#trim();
    this.#reap();
    this.#join();
    this.#end();
  }

  /** Does something that may be refused where the pool is known to be broken. */
  #try<T>(act: () => T, otherwise: T): T {
    try {
      return act();
    } catch (error) {
      const expected = error instanceof MemPoolError && ALLOWED.includes(error.code);
      if (this.#whole || !expected) throw error;
      return otherwise;
    }
  }

  /** Compares, where the pool is whole. */
  #expect(actual: number | boolean | undefined, expected: number | boolean, what: string): void {
    if (this.#whole && actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
  }

  #took(worker: SimWorker, block: number, bytes: number): void {
    if (block === NONE) return;
    if (this.#whole) this.#holdings.add(worker, block, bytes);
    else assertInside(this.#memory.data, block, bytes);
  }

  #give(worker: SimWorker, block: number): void {
    const freed = this.#try(() => worker.free(block), false);
    this.#expect(freed, true, "allocated");
    this.#holdings.remove(block);
  }

  #count(): void {
    for (const worker of this.#rich.workers) {
      this.#try(() => {
        const { allocatedBlocks, cachedBlocks, freeBlocks, blockCount, workers } = worker.stats();
        this.#expect(allocatedBlocks + cachedBlocks + freeBlocks, blockCount, "all blocks");
        this.#expect(workers, 5, "workers");
      }, undefined);
    }
  }

  #allocate(): void {
    for (const [place, worker] of this.#rich.workers.entries()) {
      for (const bytes of SIZES.slice(0, 8 - 2 * place)) {
        this.#took(
          worker,
          this.#try(() => worker.alloc(bytes), NONE),
          bytes,
        );
      }
      this.#takeZeroed(worker, 100);
    }
  }

  #takeZeroed(worker: SimWorker, bytes: number): void {
    const block = this.#try(() => worker.allocator.allocateZeroed(bytes), NONE);
    if (this.#whole && block !== NONE) {
      const data = this.#memory.data.subarray(block * 64, block * 64 + bytes);
      this.#expect(data.every((byte) => byte === 0), true, `block ${block} is zero`);
    }
    this.#took(worker, block, bytes);
  }

  #trim(): void {
    const [one, two] = this.#rich.workers as [SimWorker, SimWorker];
    this.#try(() => one.allocator.trim(), 0);
    for (const bytes of [64, 3 * 64, 40 * 64]) this.#takeZeroed(two, bytes);
  }

  #look(): void {
    const [one] = this.#rich.workers as [SimWorker];
    for (const { block, bytes, owner } of this.#holdings.all) {
      if (owner === this.#rich.dead) continue;
      const requested = this.#try(() => one.allocator.adopt("look at", block), bytes);
      if (this.#lengths) this.#expect(requested, bytes, "bytes asked for");
      assertInside(this.#memory.data, block, requested);
    }
  }

  #resize(): void {
    for (const [place, live] of this.#holdings.all.entries()) {
      if (live.owner === this.#rich.dead || place % 4 !== 0) continue;
      const worker = this.#rich.workers[place / 4 % 4]!;
      for (const bytes of [2 * live.bytes, 1, 70]) this.#resizeTo(worker, live.block, bytes);
    }
  }

  #resizeTo(worker: SimWorker, block: number, bytes: number): void {
    const live = this.#holdings.at(block);
    if (live === undefined) return;
    const target = this.#try(() => worker.allocator.resize(block, bytes), NOT_ALLOCATED);
    if (target === NONE) return;
    this.#expect(target !== NOT_ALLOCATED, true, "allocated");
    if (target === NOT_ALLOCATED) return;
    if (this.#whole && this.#lengths) this.#holdings.assertIntact(live, target, Math.min(live.bytes, bytes));
    this.#holdings.remove(block);
    this.#took(worker, target, bytes);
  }

  #many(): void {
    const [one, two] = this.#rich.workers as [SimWorker, SimWorker];
    for (const [count, bytes] of [[3, 100], [9, 20], [1000, 1]] as const) {
      const blocks = this.#try(() => one.allocator.allocateMany(count, bytes), undefined);
      for (const block of blocks ?? []) this.#took(one, block, bytes);
      if (blocks === undefined) continue;
      const refused = this.#try(() => two.allocator.freeMany([...blocks, blocks[0]!]), count);
      this.#expect(refused, count, "one is named twice");
      const freed = this.#try(() => two.allocator.freeMany([...blocks]), NONE);
      this.#expect(freed, NONE, "all are allocated");
      for (const block of blocks) this.#holdings.remove(block);
    }
  }

  /** Nothing is cached anywhere when there is nothing left. */
  #exhaust(): void {
    const worker = this.#rich.workers[2]!;
    const taken: number[] = [];
    for (const bytes of [80 * 64, 9 * 64, 3 * 64, 64]) {
      for (let tries = 0; tries < 100; tries++) {
        const block = this.#try(() => worker.alloc(bytes), NONE);
        if (block === NONE) break;
        this.#took(worker, block, bytes);
        taken.push(block);
      }
    }
    const stats = this.#try(() => worker.stats(), undefined);
    this.#expect(stats?.allocatedBlocks, stats?.blockCount ?? 0, "allocated in an exhausted pool");
    for (const block of taken) this.#give(worker, block);
  }

  /** Another worker than the one that allocated it frees half of what there is. */
  #free(): void {
    for (const [place, { block, owner }] of this.#holdings.all.entries()) {
      if (place % 2 === 0 && owner !== this.#rich.dead) this.#give(this.#rich.workers[place % 4]!, block);
    }
  }

  #reap(): void {
    const left: Live[] = this.#holdings.all.filter(({ owner }) => owner === this.#rich.dead);
    const blocks = this.#try(() => this.#rich.workers[1]!.allocator.reap(), 0);
    this.#expect(blocks >= left.length, true, "reaped");
    for (const { block } of left) this.#holdings.remove(block);
  }

  #join(): void {
    const worker = this.#try(() => SimWorker.attach(this.#memory), undefined);
    if (worker === undefined) return;
    this.#took(worker, this.#try(() => worker.alloc(64), NONE), 64);
    this.#try(() => worker.check(), undefined);
    this.#try(() => worker.allocator.leave(), undefined);
  }

  /** All is given back: then there is one free run. */
  #end(): void {
    const [one, ...others] = this.#rich.workers as [SimWorker, ...SimWorker[]];
    if (this.#whole) this.#holdings.assertAllIntact();
    for (const { block } of this.#holdings.all) this.#give(one, block);
    for (const worker of others) this.#try(() => worker.allocator.leave(), undefined);
    this.#try(() => one.check(), undefined);
    this.#try(() => {
      const { largestFreeRun, blockCount, allocatedBlocks } = one.stats();
      this.#expect(largestFreeRun, blockCount, "the longest free run in the end");
      this.#expect(allocatedBlocks, 0, "allocated in the end");
    }, undefined);
    this.#try(() => one.allocator.leave(), undefined);
  }
}
