/**
 * The worker of linearizability_test.ts: together with others makes a few calls on a tiny pool, all from the same moment on, and
 * writes down when each began, when it ended and what it returned.
 */

import { MemPool, MemPoolError } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import type { Allocator } from "../../src/allocator/allocator.ts";
import { type Hooks, NO_HOOKS } from "../../src/allocator/hooks.ts";
import { CLOCK, ENDS, FEWEST_CALLS, type HistoriesOrder, LogWriter, MOST_CALLS_EACH, STARTS } from "./_history_log.ts";
import { NONE } from "./_history_checker.ts";
import { meet, meetAwake } from "../support/meet.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { answer } from "../support/workers.ts";

/** Idle steps before a call. */
const MOST_SPINS = 100;

answer((order: HistoriesOrder) => {
  const pool = MemPool.attach(order.handle);
  const player = new Player(pool, order);
  for (let history = 0; history < order.histories; history++) player.play(history);
  pool.close();
});

class Player {
  readonly #pool: MemPool;
  /** For calls by block numbers where the pool's own speak of buffers. */
  readonly #inside: Attachment;
  readonly #blocks: Allocator;
  readonly #order: HistoriesOrder;
  readonly #words: Int32Array;
  readonly #log: LogWriter;
  readonly #draw: Draw;
  /** The same numbers for all workers. */
  readonly #commonDraw: Draw;
  /** What this worker was handed out in this history, and has not freed. */
  readonly #mine: number[] = [];

  constructor(pool: MemPool, order: HistoriesOrder) {
    this.#pool = pool;
    this.#inside = Attachment.open(pool.handle);
    this.#blocks = this.#inside.allocator;
    this.#order = order;
    this.#words = new Int32Array(order.words);
    this.#log = new LogWriter(order);
    this.#draw = sequenceFrom(order.seed + order.worker);
    this.#commonDraw = sequenceFrom(order.seed + order.workers);
  }

  play(history: number): void {
    this.#log.begin(history);
    this.#mine.length = 0;
    const { workers } = this.#order;
    const calls = FEWEST_CALLS + this.#draw(MOST_CALLS_EACH - FEWEST_CALLS + 1);
    const taken = this.#commonDraw(this.#pool.blockCount + 1);
    const duel = this.#order.guesses && this.#commonDraw(2) === 0 ? this.#commonDraw(this.#pool.blockCount) : NONE;
    if (this.#isAlone(history)) this.#prepare(taken);
    meetAwake(this.#words, STARTS, (history + 1) * workers, workers);
    if (duel !== NONE) this.#free(duel);
    for (let call = Number(duel !== NONE); call < calls; call++) this.#call();
    meet(this.#words, ENDS, (history + 1) * workers);
    if (this.#isAlone(history + 1)) this.#cleanUp();
  }

  /** Whether it is this worker that acts between two histories, while the others wait: another each time. */
  #isAlone(history: number): boolean {
    return history % this.#order.workers === this.#order.worker;
  }

  /** Takes some blocks, and may free one of them again: into its cache. */
  #prepare(blocks: number): void {
    for (let block = 0; block < blocks; block++) this.#alloc(1);
    if (blocks > 0 && this.#draw(2) === 0) this.#free(this.#pick());
  }

  #call(): void {
    // Calls of different length are to meet each other in all of their steps.
    for (let spins = this.#draw(MOST_SPINS); spins > 0; spins--) Atomics.load(this.#words, CLOCK);
    const choice = this.#draw(16);
    if (choice < 3 && this.#knows(1)) this.#look(this.#any());
    else if (choice < 5) this.#alloc(2);
    else if (choice < 6) this.#allocMany();
    else if (choice < 7 && this.#knows(2)) this.#freeMany(this.#pick(), this.#pick());
    else if (choice < 11 && this.#knows(1)) this.#free(this.#pick());
    else this.#alloc(1);
  }

  /** Frees whatever is allocated, and now and then sees that all blocks are one run again. */
  #cleanUp(): void {
    for (let block = 0; block < this.#pool.blockCount; block++) this.#free(block);
    if (this.#draw(4) !== 0) return;
    this.#alloc(this.#pool.blockCount);
    this.#free(0);
  }

  /** Whether there are so many blocks that this worker may name. */
  #knows(blocks: number): boolean {
    return this.#order.guesses || this.#mine.length >= blocks;
  }

  #any(): number {
    return this.#order.guesses ? this.#draw(this.#pool.blockCount) : this.#mine[this.#draw(this.#mine.length)]!;
  }

  /** A block to free: one of its own, or where workers guess, any, whoever has it. */
  #pick(): number {
    const { length } = this.#mine;
    if (this.#order.guesses && (length === 0 || this.#draw(2) === 0)) return this.#draw(this.#pool.blockCount);
    return this.#mine.splice(this.#draw(length), 1)[0]!;
  }

  #alloc(length: number): void {
    const bytes = length * this.#pool.blockSize;
    const got = this.#log.alloc(length, () => {
      const offset = this.#pool.allocOffset(bytes);
      return offset === NONE ? NONE : offset / this.#pool.blockSize;
    });
    if (got !== NONE) this.#mine.push(got);
  }

  #allocMany(): void {
    this.#log.allocMany(() => {
      const got = this.#allocateTwo();
      if (got === undefined) return NONE;
      this.#mine.push(...got);
      return [got[0]!, got[1]!];
    });
  }

  #free(block: number): void {
    this.#log.free(block, () => this.#isDone(() => this.#pool.freeOffset(block * this.#pool.blockSize)));
  }

  #freeMany(one: number, other: number): void {
    this.#log.freeMany(one, other, () => this.#blocks.freeMany([one, other], this.#hooks()) === NONE);
  }

  #look(block: number): void {
    const { tracker } = this.#inside;
    const adopt = (): boolean => this.#blocks.adopt("look at", block) !== 0;
    const look = (): boolean => this.#isDone(() => this.#pool.at(block * this.#pool.blockSize));
    this.#log.look(block, tracker === undefined ? adopt : look);
  }

  #allocateTwo(): ArrayLike<number> & Iterable<number> | undefined {
    const { allocator, buffers, tracker } = this.#inside;
    if (tracker === undefined) return allocator.allocateMany(2, this.#pool.blockSize);
    return this.#pool.allocMany(2, this.#pool.blockSize)?.map((buffer) => buffers.blockOf(buffer));
  }

  /** As the pool's own calls have one, if it is a checked one. */
  #hooks(): Hooks {
    const { tracker } = this.#inside;
    if (tracker === undefined) return NO_HOOKS;
    return {
      ...NO_HOOKS,
      isNamed: (block) => tracker.isNamed(block, block),
      leaves: (block) => tracker.leaves(block, "    at freeMany (here)"),
    };
  }

  /** False for what is refused because the block is not allocated. */
  #isDone(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      if (error instanceof MemPoolError && error.code === "double-free") return false;
      throw error;
    }
  }
}
