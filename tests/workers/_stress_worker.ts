/** The worker of stress_test.ts: see there. */

import { MemPool } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { checkWords, fillWords, NONE, Shared, stampOf, type StressOrder, type StressReport } from "./_stress_orders.ts";
import { watchOver } from "./_vigil.ts";
import { answer } from "../support/workers.ts";

/** Operations between the pauses of a worker that is to be terminated. */
const BURST = 500;

answer((order: StressOrder): StressReport => {
  const stress = new Stress(order);
  if (order.vigil === undefined) {
    stress.run(order.operations);
    stress.leave();
  } else {
    watchOver(order.vigil);
    runOn(stress);
  }
  return stress.report;
});

function runOn(stress: Stress): void {
  stress.run(BURST);
  stress.pause(() => runOn(stress));
}

class Stress {
  readonly report = { operations: 0, allocs: 0, frees: 0, exhausted: 0, resized: 0, takenOver: 0 };
  readonly #order: StressOrder;
  readonly #pool: MemPool;
  readonly #data: Int32Array;
  readonly #shared: Shared;
  readonly #draw: Draw;
  /** Block numbers. */
  readonly #held: number[] = [];
  #serial = 0;

  constructor(order: StressOrder) {
    this.#order = order;
    this.#pool = MemPool.attach(order.handle);
    this.#data = new Int32Array(this.#pool.buffer);
    this.#shared = new Shared(order.shared);
    this.#draw = sequenceFrom(order.seed);
  }

  /** Does at least so many operations. */
  run(operations: number): void {
    const until = this.report.operations + operations;
    while (this.report.operations < until) this.#step();
  }

  /** Lets the runtime end this worker; now and then inside of a critical section, where Bun ends workers anyway. */
  pause(then: () => void): void {
    const { lock } = Attachment.open(this.#order.handle);
    const holds = this.#draw(4) === 0;
    if (holds) lock.enter("pause");
    setTimeout(() => {
      if (holds) lock.leave();
      then();
    });
  }

  /** Leaves what it holds to others, as far as there are places, and closes the pool. */
  leave(): void {
    for (const block of this.#held.splice(0)) this.#freed(this.#shared.swap(this.#draw(2 ** 16), block));
    this.#pool.close();
  }

  /** Half of the time a block comes, half of the time one goes; now and then one is resized or handed on. */
  #step(): void {
    const choice = this.#draw(100);
    if (choice < 6) this.#resize();
    else if (choice < 16) this.#swap();
    else if (choice < 18) this.#allocateMany();
    else if (choice < 20) this.#freeMany();
    else if (this.#draw(2 * this.#order.target) >= this.#held.length) this.#allocate();
    else this.#freed(this.#pick());
  }

  #allocate(): void {
    const bytes = this.#drawBytes();
    const choice = this.#draw(16);
    if (choice < 1) this.#keepZeroed(this.#offsetOf(this.#pool.calloc(1, bytes), bytes), bytes);
    else if (choice < 2) this.#keepZeroed(this.#pool.callocOffset(bytes, 1), bytes);
    else if (choice < 6) this.#keep(this.#offsetOf(this.#pool.alloc(bytes), bytes), bytes);
    else this.#keep(this.#pool.allocOffset(bytes), bytes);
  }

  /** Mostly single blocks, some runs, a few of them long; lengths of runs are spread by powers of two. */
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
    if (block.byteLength !== bytes) throw new Error(`${bytes} bytes were asked for, and ${block.byteLength} came`);
    return this.#pool.offsetOf(block);
  }

  #keepZeroed(offset: number, bytes: number): void {
    for (let word = offset / 4; offset !== NONE && word < (offset + bytes) >> 2; word++) {
      if (this.#data[word] !== 0) throw new Error(`calloc: the word at byte ${4 * word} is not 0`);
    }
    this.#keep(offset, bytes);
  }

  /** Fills a new block with a cookie of its own, or counts that there was none. */
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
    // Before: once it has moved, its old place is another's.
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

  /** Leaves a block to others, and frees or keeps what another left there. */
  #swap(): void {
    const taken = this.#shared.swap(this.#draw(2 ** 16), this.#pick());
    if (taken === NONE) return;
    this.report.takenOver++;
    this.#pool.at(taken * this.#pool.blockSize); // or it would still be its former holder's, for `reap`
    if (this.#draw(2) === 0) this.#freed(taken);
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

  /** Frees a block, its own or one that it took over, in one tier or the other. */
  #freed(block: number): void {
    if (block === NONE) return;
    this.#check(block);
    const offset = block * this.#pool.blockSize;
    if (this.#draw(4) !== 0) this.#pool.freeOffset(offset);
    else this.#pool.free(this.#pool.at(offset));
    this.#count("frees", 1);
  }

  #count(what: "allocs" | "frees" | "resized" | "exhausted", blocks: number): void {
    this.report[what] += blocks;
    this.report.operations += blocks;
  }

  #check(block: number): void {
    const first = this.#wordOf(block);
    checkWords(this.#data, first, this.#shared.wordsOf(block), first, this.#shared.stampOf(block));
  }

  /** Takes any block out of those it holds; NONE when it holds none. */
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
