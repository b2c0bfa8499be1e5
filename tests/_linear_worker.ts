/**
 * The worker of linearizability_test.ts: together with others makes a few calls on a tiny pool, all from the same moment on, and
 * writes down when each began, when it ended and what it returned.
 */

import { MemPool, MemPoolError } from "mempool";
import { Attachment } from "../src/attachment.ts";
import type { Blocks } from "../src/blocks.ts";
import { ENDS, FEWEST_CALLS, type HistoriesOrder, LogWriter, MOST_CALLS_EACH, STARTS } from "./_histories.ts";
import { NONE } from "./_linear.ts";
import { meet, meetAwake } from "./_meet.ts";
import { type Draw, sequenceFrom } from "./_sequence.ts";
import { answer } from "./_workers.ts";

answer((order: HistoriesOrder) => {
  const pool = MemPool.attach(order.handle);
  const player = new Player(pool, order);
  for (let history = 0; history < order.histories; history++) player.play(history);
  pool.close();
});

class Player {
  readonly #pool: MemPool;
  /** For calls by block numbers where the pool's own speak of buffers. */
  readonly #blocks: Blocks;
  readonly #order: HistoriesOrder;
  readonly #words: Int32Array;
  readonly #log: LogWriter;
  readonly #draw: Draw;
  /** What this worker was handed out last. */
  #last = NONE;

  constructor(pool: MemPool, order: HistoriesOrder) {
    this.#pool = pool;
    this.#blocks = Attachment.open(pool.handle).blocks;
    this.#order = order;
    this.#words = new Int32Array(order.words);
    this.#log = new LogWriter(order);
    this.#draw = sequenceFrom(order.seed + order.worker);
  }

  play(history: number): void {
    this.#log.begin(history);
    this.#last = NONE;
    const calls = FEWEST_CALLS + this.#draw(MOST_CALLS_EACH - FEWEST_CALLS + 1);
    const awaited = (history + 1) * this.#order.workers;
    meetAwake(this.#words, STARTS, awaited);
    for (let call = 0; call < calls; call++) this.#call();
    meet(this.#words, ENDS, awaited);
    // The others wait at the start of the next history. What was freed lies in another worker's cache each time.
    if (history % this.#order.workers === this.#order.worker) this.#cleanUp();
  }

  #call(): void {
    const choice = this.#draw(16);
    if (choice < 5) this.#last = this.#alloc(1);
    else if (choice < 7) this.#last = this.#alloc(2);
    else if (choice < 9) this.#free(this.#last === NONE ? this.#anyBlock() : this.#last);
    else if (choice < 12) this.#free(this.#anyBlock());
    else if (choice < 13) this.#allocMany();
    else if (choice < 14) this.#freeMany(this.#anyBlock(), this.#anyBlock());
    else this.#look(this.#anyBlock());
  }

  /** Frees whatever is allocated, and now and then sees that all blocks are one run again. */
  #cleanUp(): void {
    for (let block = 0; block < this.#pool.blockCount; block++) this.#free(block);
    if (this.#draw(4) !== 0) return;
    this.#alloc(this.#pool.blockCount);
    this.#free(0);
  }

  #anyBlock(): number {
    return this.#draw(this.#pool.blockCount);
  }

  #alloc(length: number): number {
    const bytes = length * this.#pool.blockSize;
    return this.#log.alloc(length, () => {
      const offset = this.#pool.allocOffset(bytes);
      return offset === NONE ? NONE : offset / this.#pool.blockSize;
    });
  }

  #allocMany(): void {
    this.#log.allocMany(() => {
      const got = this.#blocks.allocateMany(2, this.#pool.blockSize);
      return got === undefined ? NONE : [got[0]!, got[1]!];
    });
  }

  #free(block: number): void {
    this.#log.free(block, () => this.#isDone(() => this.#pool.freeOffset(block * this.#pool.blockSize)));
  }

  #freeMany(one: number, other: number): void {
    this.#log.freeMany(one, other, () => this.#blocks.freeMany([one, other]) === NONE);
  }

  #look(block: number): void {
    this.#log.look(block, () => this.#blocks.adopt(block));
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
