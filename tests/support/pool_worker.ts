/**
 * The worker of the tests that share one pool among threads: executes an `Order` (orders.ts) on the pool it has
 * attached.
 */

import { MemPool, MemPoolError } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { openNative } from "../../src/runtime/open.ts";
import { meet } from "./meet.ts";
import { ARRIVALS, type Ending, type Order, type Parcel, PROGRESS, STOP } from "./orders.ts";
import { assertMarked, mark, present } from "./pool.ts";
import { type Draw, sequenceFrom } from "./sequence.ts";
import { answer, transferring } from "./workers.ts";

let pool: MemPool;

answer((order: Order) => {
  switch (order.ask) {
    case "attach":
      pool = MemPool.attach(order.handle);
      return openNative().thread();
    case "close":
      return pool.close();
    case "destroy":
      return pool.destroy();
    case "stats":
      return pool.stats();
    case "hold":
      return Attachment.open(pool.handle).lock.enter("hold");
    case "leave":
      return Attachment.open(pool.handle).lock.leave();
    case "produce":
      return produce(order);
    case "consume":
      return consume(order.parcels);
    case "churn":
      return churn(order);
    case "race":
      return race(order);
    case "race to alloc":
      return raceToAlloc(order);
  }
});

function produce({ count, seed, as }: Order & { ask: "produce" }): unknown {
  const draw = sequenceFrom(seed);
  const parcels = Array.from({ length: count }, (): Parcel & { where: ArrayBuffer } => {
    const where = present(pool.alloc(1 + draw(300)));
    const cookie = draw(2 ** 32);
    mark(where, cookie);
    return { where, cookie };
  });
  if (as === "offset") return parcels.map(({ where, cookie }) => ({ where: pool.offsetOf(where), cookie }));
  return transferring(parcels, parcels.map(({ where }) => where));
}

/** Checks the cookie of each block and frees it, every other one after a realloc. */
function consume(parcels: readonly Parcel[]): void {
  for (const [place, { where, cookie }] of parcels.entries()) {
    const block = typeof where === "number" ? pool.at(where) : where;
    assertMarked(block, cookie);
    const { byteLength } = block;
    const longer = place % 2 === 0 ? null : pool.realloc(block, byteLength + 100);
    if (longer !== null) assertMarked(longer, cookie, byteLength);
    pool.free(longer ?? block);
  }
}

/**
 * Allocates, checks, reallocates and frees blocks of its own, for `steps` steps, or until STOP is set or a call is
 * refused.
 */
function churn({ steps, seed, flags }: Order & { ask: "churn" }): Ending {
  const words = new Int32Array(flags);
  const draw = sequenceFrom(seed);
  const mine: Parcel[] = [];
  let step = 0;
  try {
    for (; step < steps && Atomics.load(words, STOP) === 0; step++) {
      churnOnce(mine, draw);
      Atomics.add(words, PROGRESS, 1);
      Atomics.notify(words, PROGRESS);
    }
    for (const { where, cookie } of mine.splice(0)) release(where as ArrayBuffer, cookie);
    return { code: "done", message: "", steps: step };
  } catch (error) {
    if (!(error instanceof MemPoolError)) throw error;
    // A stale buffer may contain anything, but writing to it must not crash the process. A checked pool has detached
    // it.
    for (const { where } of mine) if (!(where as ArrayBuffer).detached) new Uint8Array(where as ArrayBuffer).fill(1);
    return { code: error.code, message: error.message, steps: step };
  }
}

function churnOnce(mine: Parcel[], draw: Draw): void {
  const choice = draw(4);
  const place = draw(Math.max(mine.length, 1));
  const held = mine[place];
  if (choice < 2 || held === undefined) {
    const block = pool.alloc(1 + draw(500));
    const cookie = draw(2 ** 32);
    if (block === null) return;
    mark(block, cookie);
    mine.push({ where: block, cookie });
  } else if (choice === 2) {
    mine[place] = mine.at(-1)!;
    mine.pop();
    release(held.where as ArrayBuffer, held.cookie);
  } else {
    const block = held.where as ArrayBuffer;
    const kept = Math.min(block.byteLength, 1 + draw(500));
    const resized = pool.realloc(block, kept + draw(100));
    if (resized === null) return;
    checkMarks(resized, held.cookie, Math.min(kept, resized.byteLength));
    mark(resized, held.cookie);
    mine[place] = { where: resized, cookie: held.cookie };
  }
}

function release(block: ArrayBuffer, cookie: number): void {
  checkMarks(block, cookie);
  pool.free(block);
}

/** Checks the cookie, unless the pool is destroyed meanwhile: then a block may contain anything. */
function checkMarks(block: ArrayBuffer, cookie: number, length = block.byteLength): void {
  try {
    assertMarked(block, cookie, length);
  } catch (error) {
    if (!pool.destroyed) throw error;
  }
}

/** Frees each of the blocks at the same moment as the other racer. Returns the outcomes. */
function race({ offsets, by, flags }: Order & { ask: "race" }): string[] {
  const words = new Int32Array(flags);
  const blocks = offsets.map((offset) => by === "free" || by === "freeMany" ? pool.at(offset) : new ArrayBuffer(0));
  return offsets.map((offset, round) => {
    meet(words, ARRIVALS, 2 * (round + 1));
    return outcomeOf(() => {
      if (by === "freeOffset") pool.freeOffset(offset);
      else if (by === "free") pool.free(blocks[round]!);
      else if (by === "at") pool.at(offset);
      else pool.freeMany([blocks[round]!]);
    });
  });
}

/** Allocates the only free block at the same moment as the other racer. The winner frees it. */
function raceToAlloc({ rounds, flags }: Order & { ask: "race to alloc" }): boolean[] {
  const words = new Int32Array(flags);
  return Array.from({ length: rounds }, (_, round) => {
    meet(words, ARRIVALS, 4 * round + 2);
    const offset = pool.allocOffset(1);
    meet(words, ARRIVALS, 4 * round + 4);
    if (offset >= 0) pool.freeOffset(offset);
    return offset >= 0;
  });
}

function outcomeOf(act: () => void): string {
  try {
    act();
    return "done";
  } catch (error) {
    return error instanceof MemPoolError ? error.code : String(error);
  }
}
