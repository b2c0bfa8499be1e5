/**
 * The worker of linearizability_test.ts: calls a tiny pool, beginning at the same moment as other workers, and logs
 * when each call began, when it returned, and its result.
 */

import { Journal } from "../../src/allocator/journal.ts";
import { MemPool, MemPoolError } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import type { Allocator } from "../../src/allocator/allocator.ts";
import { type Hooks, NO_HOOKS } from "../../src/allocator/hooks.ts";
import { CLOCK, ENDS, FEWEST_CALLS, type HistoriesOrder, LogWriter, MOST_CALLS_EACH, STARTS } from "./_history_log.ts";
import { NONE } from "./_history_checker.ts";
import { meet, meetAwake } from "../support/meet.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { answer } from "../support/workers.ts";

/** The largest number of idle steps before a call. */
const MOST_SPINS = 100;

answer((order: HistoriesOrder) => {
  const pool = MemPool.attach(order.handle);
  const participant = new Participant(pool, order);
  for (let history = 0; history < order.histories; history++) participant.takePart(history);
  pool.close();
});

class Participant {
  readonly #pool: MemPool;
  /** For operations by block numbers, where the pool has them only for buffers. */
  readonly #inside: Attachment;
  readonly #allocator: Allocator;
  readonly #order: HistoriesOrder;
  readonly #words: Int32Array;
  readonly #log: LogWriter;
  readonly #draw: Draw;
  /** Draws the same numbers in all workers. */
  readonly #commonDraw: Draw;
  /** The blocks that this worker has allocated in this history and not freed. */
  readonly #mine: number[] = [];

  constructor(pool: MemPool, order: HistoriesOrder) {
    this.#pool = pool;
    this.#inside = Attachment.open(pool.handle);
    this.#allocator = this.#inside.allocator;
    this.#order = order;
    this.#words = new Int32Array(order.words);
    this.#log = new LogWriter(order);
    this.#draw = sequenceFrom(order.seed + order.worker);
    this.#commonDraw = sequenceFrom(order.seed + order.workers);
  }

  takePart(history: number): void {
    this.#log.begin(history);
    this.#mine.length = 0;
    const { workers } = this.#order;
    const calls = FEWEST_CALLS + this.#draw(MOST_CALLS_EACH - FEWEST_CALLS + 1);
    const allocated = this.#commonDraw(this.#pool.blockCount + 1);
    // In half of the histories with guesses, every worker begins with a free of the same block.
    const contested = this.#order.guesses && this.#commonDraw(2) === 0 ? this.#commonDraw(this.#pool.blockCount) : NONE;
    if (this.#isAlone(history)) this.#prepare(allocated);
    meetAwake(this.#words, STARTS, (history + 1) * workers, workers);
    if (contested !== NONE) this.#free(contested);
    for (let call = Number(contested !== NONE); call < calls; call++) this.#call();
    meet(this.#words, ENDS, (history + 1) * workers);
    if (this.#isAlone(history + 1)) this.#cleanUp();
  }

  /** Whether this worker acts alone before this history, while the others wait. It is another worker each time. */
  #isAlone(history: number): boolean {
    return history % this.#order.workers === this.#order.worker;
  }

  /** Allocates some blocks, and may free one of them again, into its cache. */
  #prepare(blocks: number): void {
    for (let block = 0; block < blocks; block++) this.#alloc(1);
    if (blocks > 0 && this.#draw(2) === 0) this.#free(this.#pick());
  }

  #call(): void {
    // So that calls of different duration overlap in all of their steps.
    for (let spins = this.#draw(MOST_SPINS); spins > 0; spins--) Atomics.load(this.#words, CLOCK);
    const choice = this.#draw(16);
    if (choice < 3 && this.#knows(1)) this.#look(this.#any());
    else if (choice < 5) this.#alloc(2);
    else if (choice < 6) this.#allocMany();
    else if (choice < 7 && this.#knows(2)) this.#freeMany(this.#pick(), this.#pick());
    else if (choice < 11 && this.#knows(1)) this.#free(this.#pick());
    else this.#alloc(1);
  }

  /** Frees everything that is allocated. Sometimes allocates all blocks as one run, which must succeed. */
  #cleanUp(): void {
    for (let block = 0; block < this.#pool.blockCount; block++) this.#free(block);
    if (this.#draw(4) !== 0) return;
    this.#alloc(this.#pool.blockCount);
    this.#free(0);
  }

  /** Whether there are `blocks` blocks that this worker may pass to a call. */
  #knows(blocks: number): boolean {
    return this.#order.guesses || this.#mine.length >= blocks;
  }

  #any(): number {
    return this.#order.guesses ? this.#draw(this.#pool.blockCount) : this.#mine[this.#draw(this.#mine.length)]!;
  }

  /** A block to free: one of its own, or with guesses, any block. */
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
    this.#log.freeMany(one, other, () => this.#allocator.freeMany([one, other], this.#hooks()) === NONE);
  }

  #look(block: number): void {
    const { tracker } = this.#inside;
    const adopt = (): boolean => this.#allocator.adopt("look at", block) !== 0;
    const look = (): boolean => this.#isDone(() => this.#pool.at(block * this.#pool.blockSize));
    this.#log.look(block, tracker === undefined ? adopt : look);
  }

  #allocateTwo(): ArrayLike<number> & Iterable<number> | undefined {
    const { allocator, buffers, tracker } = this.#inside;
    if (tracker === undefined) {
      const blocks = allocator.allocateMany(2, this.#pool.blockSize);
      Object.assign(allocator.journal, new Journal()); // as `allocMany` does when it returns the blocks
      return blocks;
    }
    return this.#pool.allocMany(2, this.#pool.blockSize)?.map((buffer) => buffers.blockOf(buffer));
  }

  /** The hooks with which a checked pool's own freeMany calls the allocator. */
  #hooks(): Hooks {
    const { tracker } = this.#inside;
    if (tracker === undefined) return NO_HOOKS;
    return {
      ...NO_HOOKS,
      isNamed: (block) => tracker.isNamed(block, block),
      leaves: (block) => tracker.leaves(block, "    at freeMany (here)"),
    };
  }

  /** Returns false if the call is refused because the block is not allocated. */
  #isDone(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      if (error instanceof MemPoolError && ["double-free", "foreign-block"].includes(error.code)) return false;
      throw error;
    }
  }
}
