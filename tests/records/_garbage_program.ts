/**
 * Uses records with wrong references, in a process of its own, because a fault would end it. The first argument is what
 * happened to the pool before. Prints what was done.
 */

import { assert, assertEquals } from "@std/assert";
import { MemPool, record, type RecordType } from "mempool";
import process from "node:process";
import { insideOf } from "../support/pool.ts";
import { sequenceFrom } from "../support/sequence.ts";
import { loosely, type LooseRecords, TYPES } from "./_access.ts";
import { GARBAGE, UNCONVERTIBLE } from "./_garbage.ts";

const [situation = ""] = process.argv.slice(2);

const fields: Record<string, RecordType | readonly [RecordType, number]> = {};
for (const type of TYPES) {
  fields[`one_${type}`] = type;
  fields[`some_${type}`] = [type, 7];
}
const layout = record(fields);

/** A pool that may grow to 64 times its size has 63 times as many addresses behind its data that cannot be accessed. */
const SHAPES: Readonly<Record<string, () => MemPool>> = {
  fixed: () => MemPool.init(2 ** 20, 4096),
  growing: () => MemPool.init(2 ** 16, 256, { maxSize: 2 ** 22 }),
  "not a power of two": () => MemPool.init(2 ** 20, 240, { maxSize: 2 ** 24 }),
  grown: () => {
    const pool = MemPool.init(2 ** 16, 256, { maxSize: 2 ** 22 });
    pool.freeOffset(pool.allocOffset(2 ** 18));
    return pool;
  },
  destroyed: () => MemPool.init(2 ** 20, 256),
  closed: () => MemPool.init(2 ** 20, 256),
  "over two GiB": () => MemPool.init(2 ** 20, 256, { maxSize: 3 * 2 ** 30 }),
  ...("Deno" in globalThis ? { "over 4 GiB": () => MemPool.init(2 ** 20, 4096, { maxSize: 2 ** 36 }) } : {}),
};

/** Calls every accessor with this reference and index. Returns how many calls that made. */
function access(nodes: LooseRecords, ref: unknown, index: unknown): number {
  const cursor = nodes.cursor(ref);
  let calls = 0;
  for (const [name, type] of Object.entries(fields)) {
    const value = name.endsWith("64") && !name.endsWith("f64") ? 7n : 7;
    if (typeof type !== "string") {
      nodes.get[name]!(ref, index);
      nodes.set[name]!(ref, index, value);
      nodes.view[name]!(ref).fill(value as number);
      calls += 3;
      continue;
    }
    nodes.get[name]!(ref);
    nodes.set[name]!(ref, value);
    cursor[name] = cursor[name] === undefined ? value : cursor[name];
    calls += 4;
    for (const operation of Object.values(operationsOf(nodes, name))) {
      operation(ref, value, value);
      calls++;
    }
  }
  return calls;
}

function operationsOf({ atomics }: LooseRecords, name: string): Record<string, (...args: unknown[]) => unknown> {
  const { load, store, add, exchange, compareExchange } = atomics[name] ?? {};
  return load === undefined
    ? {}
    : { load, store: store!, add: add!, exchange: exchange!, compareExchange: compareExchange! };
}

const pool = SHAPES[situation]!();
const { meta } = insideOf(pool).region;
const nodes = loosely(pool, layout);
const refs = Array.from({ length: 10 }, () => nodes.alloc());
if (situation === "destroyed") pool.destroy();
if (situation === "closed") pool.close();
const isOpen = situation !== "destroyed" && situation !== "closed";
const before = isOpen ? meta.slice() : undefined;
let calls = 0;
for (const ref of [...GARBAGE, ...refs]) {
  for (const index of [0, 3, ...GARBAGE]) calls += access(nodes, ref, index);
}
// Numbers of every size, in loops that are long enough to be compiled.
const draw = sequenceFrom(7);
for (let round = 0; round < 20_000; round++) {
  const ref = draw(2 ** 32) * 2 ** (draw(40) - 20) * (draw(2) === 0 ? 1 : -1);
  nodes.set.one_i32!(ref, round);
  nodes.get.one_f64!(ref);
  nodes.set.some_u8!(refs[round % 10], ref, round);
  nodes.get.some_u16!(refs[round % 10], ref);
  nodes.atomics.one_u32!.add!(ref, 1);
  calls += 5;
}
for (const ref of UNCONVERTIBLE) {
  try {
    access(nodes, ref, 0);
  } catch (error) {
    assert(error instanceof TypeError);
  }
  calls++;
}
if (isOpen) {
  // An index that is a string, as a loop over keys makes it, is the number that it names.
  for (const type of TYPES) {
    const one = type === "i64" || type === "u64" ? 1n : 1;
    nodes.set[`some_${type}`]!(refs[3], "4", one);
    assertEquals([nodes.get[`some_${type}`]!(refs[3], 4), nodes.get[`some_${type}`]!(refs[3], "4")], [one, one]);
  }
  // Nothing of it has reached the pool's own data.
  assertEquals(meta.findIndex((word, at) => word !== before![at]), -1);
  pool.check();
  for (const ref of refs) nodes.free(ref);
  assertEquals(pool.stats().allocatedBlocks, 0);
} else {
  assertEquals([nodes.get.one_i32!(refs[0]), nodes.view.some_u8!(refs[0]).length], [undefined, 0]);
}
console.log(calls > 100_000 ? "done" : `only ${calls} calls`);
