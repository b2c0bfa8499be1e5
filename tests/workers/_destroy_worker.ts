/**
 * The worker of the destroy races: uses a pool in its role until the pool is destroyed, then makes every call twice,
 * each of which must throw "destroyed". It keeps buffers of destroyed pools and reads them in later rounds.
 */

import { MemPool, MemPoolError } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import type { DestroyOrder, DestroyReport } from "./_destroy_orders.ts";
import { meet } from "../support/meet.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { answer } from "../support/workers.ts";

/** Of how many pools the buffers are kept: more than are destroyed before an address range is used again. */
const KEPT_POOLS = 20;

const stale: ArrayBuffer[][] = [];

answer((order: DestroyOrder): DestroyReport => {
  const round = new Round(order);
  round.run();
  stale.push(round.blocks);
  if (stale.length > KEPT_POOLS) stale.shift();
  return round.report;
});

/** One pool, from attach to the last call. */
class Round {
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

  /** Throws on null: these pools are never nearly full. */
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

  /** Holds the lock for a while, so that the other workers wait for it, also the one that destroys the pool. */
  #holdTheLock(): void {
    const { lock } = Attachment.open(this.#order.handle);
    lock.enter("hold");
    for (let spins = 0; spins < 2000 && !this.#pool.destroyed; spins++);
    lock.leave();
  }

  /** Reads buffers of destroyed pools. Any contents are right, but reading them must not crash the process. */
  #readStale(): void {
    for (const block of [...this.blocks, ...stale.flat()]) {
      const bytes = new Uint8Array(block);
      this.#read += bytes[0]! + bytes[bytes.length - 1]! + bytes[bytes.length >> 1]!;
    }
  }

  /** Makes every call twice. Each must throw "destroyed". */
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
    if (!pool.destroyed || pool.buffer.byteLength !== 0) {
      this.report.wrong.push("the pool's properties do not tell that it is destroyed");
    }
  }

  /** The code that a call throws, "" if it succeeds. */
  #codeOf(call: () => unknown): string {
    try {
      call();
      return "";
    } catch (error) {
      return error instanceof MemPoolError && error.code === "destroyed" ? error.code : String(error);
    }
  }
}
