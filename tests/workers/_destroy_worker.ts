/**
 * The worker of the destroy races: works on a pool in its own way until it is destroyed, then tries every call once more.
 * Buffers of pools that are gone are kept, and read while later pools live and die.
 */

import { MemPool, MemPoolError } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import type { DestroyOrder, DestroyReport } from "../support/destroy_orders.ts";
import { meet } from "../support/meet.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { answer } from "../support/workers.ts";

/** Buffers of so many pools are kept: more than rest before a range of addresses is used again. */
const KEPT_POOLS = 20;

const stale: ArrayBuffer[][] = [];

answer((order: DestroyOrder): DestroyReport => {
  const player = new Player(order);
  player.run();
  stale.push(player.blocks);
  if (stale.length > KEPT_POOLS) stale.shift();
  return player.report;
});

/** A worker in one round. */
class Player {
  readonly report: { calls: number; wrong: string[] } = { calls: 0, wrong: [] };
  readonly blocks: ArrayBuffer[] = [];
  readonly #order: DestroyOrder;
  readonly #pool: MemPool;
  readonly #draw: Draw;
  #read = 0;

  constructor(order: DestroyOrder) {
    this.#order = order;
    this.#draw = sequenceFrom(order.seed);
    this.#pool = MemPool.attach(order.handle);
    this.blocks.push(this.#pool.buffer, ...this.#pool.allocMany(8, 100)!);
  }

  run(): void {
    meet(new Int32Array(this.#order.words), 0, this.#order.awaited);
    const until = this.#order.destroys ? this.#draw(500) : Infinity;
    const refused = this.#codeOf(() => {
      for (; this.report.calls < until; this.report.calls++) this.#step();
      this.#pool.destroy();
    });
    if (refused !== "" && refused !== "destroyed") this.report.wrong.push(`${this.#order.role}: ${refused}`);
    this.#callAll();
    this.#readStale();
  }

  #step(): void {
    switch (this.#order.role) {
      case "single blocks":
        return this.#allocateAndFree(1 + this.#draw(64));
      case "runs":
        return this.#allocateAndFree(65 + this.#draw(300));
      case "many":
        return this.#pool.freeMany(this.#notNull(this.#pool.allocMany(3, 1 + this.#draw(100))));
      case "look":
        return this.#look();
      case "hold the lock":
        return this.#holdTheLock();
      case "read":
        this.#readStale();
        return void this.#pool.owns(this.blocks[1]!);
    }
  }

  #allocateAndFree(bytes: number): void {
    if (this.#draw(2) === 0) this.#pool.freeOffset(this.#pool.allocOffset(bytes));
    else {this.#pool.free(
        this.#notNull(this.#pool.realloc(this.#notNull(this.#pool.alloc(bytes)), 1 + this.#draw(300))),
      );}
  }

  /** The pools are never nearly full. */
  #notNull<T>(got: T | null): T {
    if (got === null) throw new Error("null, though the pool has room");
    return got;
  }

  #look(): void {
    const block = this.blocks[1]!;
    const offset = this.#pool.offsetOf(block);
    if (this.#pool.at(offset).byteLength !== 100) throw new Error("at() has another length");
    if (!this.#pool.owns(block)) throw new Error("owns() says no");
  }

  /** In a critical section the others wait, and the one that destroys too. */
  #holdTheLock(): void {
    const { lock } = Attachment.open(this.#order.handle);
    lock.enter("hold");
    for (let spins = 0; spins < 2000 && !this.#pool.destroyed; spins++);
    lock.leave();
  }

  /** What a buffer of a pool that is gone says does not matter. That reading it ends nothing does. */
  #readStale(): void {
    for (const block of [...this.blocks, ...stale.flat()]) {
      const bytes = new Uint8Array(block);
      this.#read += bytes[0]! + bytes[bytes.length - 1]! + bytes[bytes.length >> 1]!;
    }
  }

  /** Every call must say that the pool is destroyed, and say it again. */
  #callAll(): void {
    const pool = this.#pool;
    const block = this.blocks[1]!;
    const calls: [string, () => unknown][] = [
      ["alloc", () => pool.alloc(1)],
      ["calloc", () => pool.calloc(1, 1)],
      ["realloc", () => pool.realloc(block, 1)],
      ["free", () => pool.free(block)],
      ["allocOffset", () => pool.allocOffset(1)],
      ["callocOffset", () => pool.callocOffset(1, 1)],
      ["reallocOffset", () => pool.reallocOffset(0, 1)],
      ["freeOffset", () => pool.freeOffset(0)],
      ["allocMany", () => pool.allocMany(1, 1)],
      ["freeMany", () => pool.freeMany([block])],
      ["owns", () => pool.owns(block)],
      ["offsetOf", () => pool.offsetOf(block)],
      ["at", () => pool.at(0)],
      ["allocArray", () => pool.allocArray(Uint8Array, 1)],
      ["lease", () => pool.lease(1)],
      ["stats", () => pool.stats()],
      ["blocks", () => pool.blocks()],
      ["check", () => pool.check()],
      ["attach", () => MemPool.attach(this.#order.handle)],
    ];
    for (const [name, call] of [...calls, ...calls]) {
      const code = this.#codeOf(call);
      if (code !== "destroyed") this.report.wrong.push(`${name} after destroy: ${code === "" ? "succeeds" : code}`);
    }
    if (!pool.destroyed || pool.buffer.byteLength !== 0) this.report.wrong.push("the pool does not know its end");
  }

  /** "" for a call that succeeds. */
  #codeOf(call: () => unknown): string {
    try {
      call();
      return "";
    } catch (error) {
      return error instanceof MemPoolError && error.code === "destroyed" ? error.code : String(error);
    }
  }
}
