/** A pool and its workers in stress_test.ts and termination_test.ts. stress_test.ts describes the workload. */

import type { MemPool } from "mempool";
import { isAllocated } from "../../src/region/block_table.ts";
import { spawnWorker, type TestWorker } from "../support/harness.ts";
import { untilEnded } from "../support/native.ts";
import { insideOf, makePool } from "../support/pool.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { checkWords, Shared, type StressOrder, type StressReport } from "./_stress_orders.ts";

export interface Situation {
  readonly blocks: number;
  /** How many runs each worker tries to hold. */
  readonly target: number;
  /** How many workers run at the same time. */
  readonly workers: number;
  /** How many workers follow each other in the place of each. */
  readonly generations: number;
  /** How many operations each worker makes. */
  readonly operations: number;
}

const CACHED_BLOCKS = 64;
const KINDS = ["operations", "allocs", "frees", "exhausted", "resized", "takenOver"] as const;

/** A pool, the workers that attach to it and leave it, and the sum of their reports. */
export class Stress {
  readonly pool: MemPool;
  readonly sum: Record<keyof StressReport, number> = {
    operations: 0,
    allocs: 0,
    frees: 0,
    exhausted: 0,
    resized: 0,
    takenOver: 0,
  };
  readonly #situation: Situation;
  readonly #shared: SharedArrayBuffer;
  readonly #draw: Draw;
  readonly #workers = new Set<TestWorker>();
  #numbers = 0;

  constructor(situation: Situation, seed: number) {
    this.#situation = situation;
    this.#draw = sequenceFrom(seed);
    this.#shared = Shared.make(situation.blocks);
    this.pool = makePool({ blocks: situation.blocks, cachedBlocks: CACHED_BLOCKS });
  }

  /** Spawns a worker, which makes its operations and closes the pool. */
  async work(): Promise<void> {
    const worker = this.#spawn();
    const report = await worker.call<StressReport>(this.#order(false));
    for (const what of KINDS) this.sum[what] += report[what];
    this.#end(worker);
  }

  /** Spawns a worker and terminates it at a random moment. Returns once its thread has ended. */
  async die(terminated: () => void = () => {}): Promise<void> {
    const worker = this.#spawn();
    const thread = await worker.call<number>(this.#order(true));
    await new Promise((resolve) => setTimeout(resolve, this.#draw(30)));
    this.#end(worker);
    terminated();
    await untilEnded(thread);
  }

  /** Frees the runs that workers have left in the shared places. */
  freeShared(): void {
    const shared = new Shared(this.#shared);
    const data = new Int32Array(this.pool.buffer);
    for (const block of shared.takeAll()) {
      const first = block * this.pool.blockSize / 4;
      checkWords(data, first, shared.wordsOf(block), first, shared.stampOf(block));
      this.pool.freeOffset(block * this.pool.blockSize);
    }
  }

  /** Frees all runs that are still allocated. Returns their number. */
  freeTheRest(): number {
    const { table } = insideOf(this.pool).region;
    let freed = 0;
    for (let block = 0; block < this.pool.blockCount; block += table.length(block)) {
      if (!isAllocated(table.tag(block))) continue;
      this.pool.freeOffset(block * this.pool.blockSize);
      freed++;
    }
    return freed;
  }

  end(): void {
    for (const worker of this.#workers) worker.terminate();
    this.pool.destroy();
  }

  #spawn(): TestWorker {
    const worker = spawnWorker(new URL("./_stress_worker.ts", import.meta.url));
    this.#workers.add(worker);
    return worker;
  }

  #end(worker: TestWorker): void {
    worker.terminate();
    this.#workers.delete(worker);
  }

  #order(endless: boolean): StressOrder {
    const { operations, target } = this.#situation;
    const seed = this.#draw(2 ** 31);
    const worker = ++this.#numbers;
    return { handle: this.pool.handle, worker, seed, operations, target, shared: this.#shared, endless };
  }
}
