/** Workers of the stress test, and of the test that terminates them: see there. */

import type { MemPool } from "mempool";
import { isAllocated } from "../../src/region/block_table.ts";
import { spawnWorker, type TestWorker } from "../support/harness.ts";
import { insideOf, makePool } from "../support/pool.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { checkWords, Shared, type StressOrder, type StressReport } from "./_stress_orders.ts";
import { Vigil } from "./_vigil.ts";

export interface Situation {
  readonly blocks: number;
  /** Blocks and runs that each worker tries to hold. */
  readonly target: number;
  readonly workers: number;
  /** How often the worker at each place is replaced by another, and one more. */
  readonly generations: number;
  /** Of each worker. */
  readonly operations: number;
}

const CACHED_BLOCKS = 64;
const KINDS = ["operations", "allocs", "frees", "exhausted", "resized", "takenOver"] as const;

/** Workers that attach one pool after the other, some at a time, and what they have done together. */
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

  /** Has a worker do its operations, and close the pool. */
  async work(): Promise<void> {
    const worker = this.#spawn();
    const report = await worker.call<StressReport>(this.#order());
    for (const what of KINDS) this.sum[what] += report[what];
    this.#end(worker);
  }

  /** Has a worker begin, and terminates it at some moment. Returns once it is dead. */
  async die(terminated: () => void = () => {}): Promise<void> {
    using vigil = new Vigil();
    const worker = this.#spawn();
    await worker.call({ ...this.#order(), vigil: vigil.handle });
    await new Promise((resolve) => setTimeout(resolve, this.#draw(30)));
    this.#end(worker);
    terminated();
    await vigil.death();
  }

  /** Takes what is left in the shared array. */
  drain(): void {
    const shared = new Shared(this.#shared);
    const data = new Int32Array(this.pool.buffer);
    for (const block of shared.takeAll()) {
      const first = block * this.pool.blockSize / 4;
      checkWords(data, first, shared.wordsOf(block), first, shared.stampOf(block));
      this.pool.freeOffset(block * this.pool.blockSize);
    }
  }

  /** Frees what is still allocated; returns how many blocks and runs that were. */
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

  #order(): StressOrder {
    const { operations, target } = this.#situation;
    const seed = this.#draw(2 ** 31);
    return { handle: this.pool.handle, worker: ++this.#numbers, seed, operations, target, shared: this.#shared };
  }
}
