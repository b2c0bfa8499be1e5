/** The worker of the tests that share records among threads. */

import { MemPool, MemPoolError } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { meet } from "../support/meet.ts";
import { answer } from "../support/workers.ts";
import { type NodeRecords, nodesOf, type RecordOrder } from "./_shared.ts";

let pool: MemPool;
let nodes: NodeRecords;

answer((order: RecordOrder) => {
  switch (order.ask) {
    case "attach":
      pool = MemPool.attach(order.handle);
      nodes = nodesOf(pool);
      return openNative().thread();
    case "make list":
      return makeList(order.length);
    case "walk":
      return walk(order.first);
    case "walk with a cursor":
      return walkWithCursor(order.first);
    case "drop":
      return drop(order.first);
    case "count":
      return count(order);
    case "use":
      return use(order);
    case "churn":
      return churn(order.rounds);
    case "destroy":
      return pool.destroy();
  }
});

function makeList(length: number): { first: number; grown: number } {
  const before = pool.stats().grown;
  let first = -1;
  for (let cost = 0; cost < length; cost++) {
    const ref = nodes.alloc();
    if (ref < 0) throw new Error(`The pool is exhausted after ${cost} records`);
    nodes.set.next(ref, first);
    nodes.set.cost(ref, cost);
    nodes.set.visits(ref, 0);
    nodes.set.tags(ref, 5, cost);
    first = ref;
  }
  return { first, grown: pool.stats().grown - before };
}

function walk(first: number): number {
  let sum = 0;
  for (let ref = first; ref >= 0; ref = nodes.get.next(ref)) {
    const cost = nodes.get.cost(ref);
    if (nodes.get.tags(ref, 5) !== (cost & 255) && nodes.get.visits(ref) === 0) throw new Error(`tags of ${ref}`);
    sum += cost;
    nodes.set.cost(ref, cost + 1);
    nodes.atomics.visits.add(ref, 1);
  }
  return sum;
}

function walkWithCursor(first: number): number {
  let sum = 0;
  for (const cursor = nodes.cursor(first); cursor.ref >= 0; cursor.ref = cursor.next) {
    sum += cursor.cost;
    cursor.cost += 1;
    cursor.visits++;
  }
  return sum;
}

function drop(first: number): void {
  for (let ref = first; ref >= 0;) {
    const next = nodes.get.next(ref);
    nodes.free(ref);
    ref = next;
  }
}

function count({ ref, times, flags }: RecordOrder & { ask: "count" }): void {
  const { visits, big } = nodes.atomics;
  meet(new Int32Array(flags), 0, 3);
  for (let done = 0; done < times; done++) {
    if (done % 2 === 0) {
      visits.add(ref, 1);
      big.add(ref, 1n);
      continue;
    }
    let seen = visits.load(ref);
    for (let found = seen - 1; found !== seen;) {
      seen = visits.load(ref);
      found = visits.compareExchange(ref, seen, seen + 1);
    }
    let long = big.load(ref);
    for (let found = long - 1n; found !== long;) {
      long = big.load(ref);
      found = big.compareExchange(ref, long, long + 1n);
    }
  }
}

function use({ ref, flags }: RecordOrder & { ask: "use" }): { uses: number; code: string } {
  const words = new Int32Array(flags);
  const cursor = nodes.cursor(ref);
  let uses = 0;
  for (; Atomics.load(words, 1) === 0; uses++) {
    nodes.set.cost(ref, uses);
    nodes.get.next(ref);
    nodes.set.tags(ref, uses % 6, uses);
    nodes.atomics.visits.add(ref, 1);
    nodes.view.tags(ref).fill(uses);
    cursor.cost = cursor.big === 0n ? 1 : 0;
    Atomics.store(words, 0, uses);
    Atomics.notify(words, 0);
  }
  try {
    nodes.alloc();
    return { uses, code: "no error" };
  } catch (error) {
    // This worker leaves the pool here. Accesses still do not fault.
    nodes.set.cost(ref, uses);
    return { uses, code: error instanceof MemPoolError ? error.code : String(error) };
  }
}

function churn(rounds: number): number {
  const mine: number[] = [];
  let got = 0;
  for (let round = 0; round < rounds; round++) {
    const ref = round % 5 === 0 ? nodes.calloc() : nodes.alloc();
    if (ref >= 0) {
      got++;
      mine.push(ref);
      nodes.set.cost(ref, ref);
      nodes.set.next(ref, round);
    }
    if (ref < 0 || mine.length > 40) {
      for (const old of mine.splice(0, 20)) {
        if (nodes.get.cost(old) !== old) throw new Error(`record ${old} has the cost ${nodes.get.cost(old)}`);
        nodes.free(old);
      }
    }
  }
  nodes.freeMany(mine);
  return got;
}
