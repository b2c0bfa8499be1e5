/** The worker of stress_test.ts and termination_test.ts. stress_test.ts describes the workload. */

import { MemPool } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { openNative } from "../../src/runtime/open.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { checkWords, fillWords, NONE, Shared, stampOf, type StressOrder, type StressReport } from "./_stress_orders.ts";
import { answer } from "../support/workers.ts";

/** Operations between two pauses of a worker that is to be terminated. */
const BURST = 500;

answer((order: StressOrder): StressReport | number => {
  const load = new Load(order);
  if (order.endless) {
    runForever(load);
    return openNative().thread();
  }
  load.run(order.operations);
  load.leave();
  return load.report;
});

function runForever(load: Load): void {
  load.run(BURST);
  load.pause(() => runForever(load));
}

class Load {
  readonly report = { operations: 0, allocs: 0, frees: 0, exhausted: 0, resized: 0, takenOver: 0 };
  readonly #order: StressOrder;
  readonly #pool: MemPool;
  readonly #data: Int32Array;
  readonly #shared: Shared;
  readonly #draw: Draw;
  /** The first blocks of the runs that this worker holds. */
  readonly #held: number[] = [];
  #serial = 0;

  constructor(order: StressOrder) {
    this.#order = order;
    this.#pool = MemPool.attach(order.handle);
    this.#data = new Int32Array(this.#pool.buffer);
    this.#shared = new Shared(order.shared);
    this.#draw = sequenceFrom(order.seed);
  }

  /** Makes at least this number of operations. */
  run(operations: number): void {
    const until = this.report.operations + operations;
    while (this.report.operations < until) this.#step();
  }

  /**
   * Gives Deno an opportunity to terminate this worker, one time in four inside a critical section. Bun terminates a
   * worker anywhere.
   */
  pause(then: () => void): void {
    const { lock } = Attachment.open(this.#order.handle);
    const holds = this.#draw(4) === 0;
    if (holds) lock.enter("pause");
    setTimeout(() => {
      if (holds) lock.leave();
      then();
    });
  }

  /** Leaves its runs to other workers, frees those for which there is no place, and closes the pool. */
  leave(): void {
    for (const block of this.#held.splice(0)) this.#free(this.#shared.swap(this.#draw(2 ** 16), block));
    this.#pool.close();
  }

  /** Allocates or frees a run, so that the worker holds about as many as its target; sometimes resizes or swaps one. */
  #step(): void {
    const choice = this.#draw(100);
    if (choice < 6) this.#resize();
    else if (choice < 16) this.#swap();
    else if (choice < 18) this.#allocateMany();
    else if (choice < 20) this.#freeMany();
    else if (this.#draw(2 * this.#order.target) >= this.#held.length) this.#allocate();
    else this.#free(this.#pick());
  }

  #allocate(): void {
    const bytes = this.#drawBytes();
    const choice = this.#draw(16);
    if (choice < 1) this.#keepZeroed(this.#offsetOf(this.#pool.calloc(1, bytes), bytes), bytes);
    else if (choice < 2) this.#keepZeroed(this.#pool.callocOffset(bytes, 1), bytes);
    else if (choice < 6) this.#keep(this.#offsetOf(this.#pool.alloc(bytes), bytes), bytes);
    else this.#keep(this.#pool.allocOffset(bytes), bytes);
  }

  /** Mostly single blocks, some runs, a few long runs. The lengths of runs are spread over powers of two. */
  #drawBytes(): number {
    const { blockSize } = this.#pool;
    const choice = this.#draw(100);
    if (choice < 50) return blockSize;
    if (choice < 88) return 4 + this.#draw(blockSize - 3);
    const longest = blockSize << (1 + this.#draw(this.#draw(20) === 0 ? 6 : 4));
    return blockSize + 1 + this.#draw(longest - blockSize);
  }

  #offsetOf(block: ArrayBuffer | null, bytes: number): number {
    if (block === null) return NONE;
    if (block.byteLength !== bytes) throw new Error(`alloc(${bytes}) returned ${block.byteLength} bytes`);
    return this.#pool.offsetOf(block);
  }

  #keepZeroed(offset: number, bytes: number): void {
    for (let word = offset / 4; offset !== NONE && word < (offset + bytes) >> 2; word++) {
      if (this.#data[word] !== 0) throw new Error(`calloc: the word at offset ${4 * word} is not 0`);
    }
    this.#keep(offset, bytes);
  }

  /** Fills a new run, or counts that the pool was exhausted. */
  #keep(offset: number, bytes: number): void {
    this.#count(offset === NONE ? "exhausted" : "allocs", 1);
    if (offset === NONE) return;
    const block = offset / this.#pool.blockSize;
    this.#fill(block, bytes >> 2);
    this.#held.push(block);
  }

  #fill(block: number, words: number): void {
    const stamp = stampOf(this.#order.worker, this.#serial++);
    const first = this.#wordOf(block);
    fillWords(this.#data, first, words, first, stamp);
    this.#shared.enter(block, words, stamp);
  }

  #resize(): void {
    const block = this.#pick();
    if (block === NONE) return;
    const bytes = this.#drawBytes();
    // Read before the call: if the run moves, another worker may enter its old place into the ledger.
    const words = this.#shared.wordsOf(block);
    const stamp = this.#shared.stampOf(block);
    const moved = this.#resizeTo(block, bytes);
    this.#count(moved === NONE ? "exhausted" : "resized", 1);
    const now = moved === NONE ? block : moved / this.#pool.blockSize;
    const kept = moved === NONE ? words : Math.min(words, bytes >> 2);
    checkWords(this.#data, this.#wordOf(now), kept, this.#wordOf(block), stamp);
    if (moved !== NONE) this.#fill(now, bytes >> 2);
    this.#held.push(now);
  }

  #resizeTo(block: number, bytes: number): number {
    const offset = block * this.#pool.blockSize;
    if (this.#draw(2) === 0) return this.#pool.reallocOffset(offset, bytes);
    return this.#offsetOf(this.#pool.realloc(this.#pool.at(offset), bytes), bytes);
  }

  /** Leaves a run to other workers, and frees or keeps the one that another worker has left in its place. */
  #swap(): void {
    const taken = this.#shared.swap(this.#draw(2 ** 16), this.#pick());
    if (taken === NONE) return;
    this.report.takenOver++;
    this.#pool.at(taken * this.#pool.blockSize); // makes this worker its owner, for `reap`
    if (this.#draw(2) === 0) this.#free(taken);
    else {
      this.#check(taken);
      this.#held.push(taken);
    }
  }

  #allocateMany(): void {
    const bytes = this.#drawBytes();
    const blocks = this.#pool.allocMany(1 + this.#draw(8), bytes);
    if (blocks === null) this.#count("exhausted", 1);
    for (const block of blocks ?? []) this.#keep(this.#offsetOf(block, bytes), bytes);
  }

  #freeMany(): void {
    const blocks = Array.from({ length: 1 + this.#draw(8) }, () => this.#pick()).filter((block) => block !== NONE);
    for (const block of blocks) this.#check(block);
    this.#pool.freeMany(blocks.map((block) => this.#pool.at(block * this.#pool.blockSize)));
    this.#count("frees", blocks.length);
  }

  /** Checks and frees a run, by its offset or by a buffer. */
  #free(block: number): void {
    if (block === NONE) return;
    this.#check(block);
    const offset = block * this.#pool.blockSize;
    if (this.#draw(4) !== 0) this.#pool.freeOffset(offset);
    else this.#pool.free(this.#pool.at(offset));
    this.#count("frees", 1);
  }

  #count(what: "allocs" | "frees" | "resized" | "exhausted", runs: number): void {
    this.report[what] += runs;
    this.report.operations += runs;
  }

  #check(block: number): void {
    const first = this.#wordOf(block);
    checkWords(this.#data, first, this.#shared.wordsOf(block), first, this.#shared.stampOf(block));
  }

  /** Removes a random run from those that the worker holds, and returns it; NONE if it holds none. */
  #pick(): number {
    if (this.#held.length === 0) return NONE;
    const place = this.#draw(this.#held.length);
    const block = this.#held[place]!;
    this.#held[place] = this.#held.at(-1)!;
    this.#held.pop();
    return block;
  }

  #wordOf(block: number): number {
    return block * (this.#pool.blockSize / 4);
  }
}
