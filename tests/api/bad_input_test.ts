/** Every argument of every public function × every value that it may not be: the exact error, and nothing has changed. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import * as mempool from "mempool";
import { type Block, MemPool, type MemPoolHandle } from "mempool";
import { test } from "../support/harness.ts";
import { assertError, assertRefused, lastingStats, makePool, present, thrownBy } from "../support/pool.ts";

/** Values that are no numbers, and how messages show them. */
const NO_NUMBERS: [unknown, string][] = [
  [undefined, "undefined"],
  [null, "null"],
  [true, "true"],
  ["", '""'],
  ["64", '"64"'],
  ["a\nb", '"a\\nb"'],
  [64n, "64n"],
  [-1n, "-1n"],
  [Symbol("s"), "Symbol(s)"],
  [() => 64, "a function"],
  [class {}, "a function"],
  [{}, "an object (Object)"],
  [{ valueOf: () => 64 }, "an object (Object)"],
  [{ [Symbol.toPrimitive]: () => 64 }, "an object (Object)"],
  [Object.create(null), "an object (Object)"],
  [new Number(64), "an object (Number)"],
  [[64], "an object (Array)"],
  [new Date(0), "an object (Date)"],
  [new ArrayBuffer(8), "an object (ArrayBuffer)"],
];

/** Numbers that are no whole numbers from 0 up. */
const NO_OFFSETS = [-1, -64, -1e300, 0.5, 1.5, 63.999, 5e-324, NaN, Infinity, -Infinity, -(2 ** 31), -(2 ** 53)];

const NO_COUNTS = [0, -0, ...NO_OFFSETS];

/** More than any pool holds: no error, but exhaustion. */
const HUGE = [2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 47, 2 ** 53 - 1, 2 ** 53, 1e300, Number.MAX_VALUE];

/** Values that are neither a buffer nor a view. */
const NO_BUFFERS: [unknown, string][] = [
  ...NO_NUMBERS.slice(0, -1),
  [64, "64"],
  [NaN, "NaN"],
  [new SharedArrayBuffer(64), "an object (SharedArrayBuffer)"],
  [{ buffer: new ArrayBuffer(64), byteLength: 64, byteOffset: 0 }, "an object (Object)"],
];

/** Buffers and views that are no pool's, and how messages show them. */
function foreignBuffers(): [Block, string][] {
  const detached = new ArrayBuffer(64);
  const view = new Uint8Array(detached);
  structuredClone(detached, { transfer: [detached] });
  return [
    [new ArrayBuffer(64), "ArrayBuffer"],
    [new ArrayBuffer(0), "ArrayBuffer"],
    [new ArrayBuffer(64, { maxByteLength: 4096 }), "ArrayBuffer"],
    [detached, "ArrayBuffer"],
    [view, "Uint8Array"],
    [new Float64Array(8), "Float64Array"],
    [new DataView(new ArrayBuffer(8)), "DataView"],
    [new Uint8Array(new SharedArrayBuffer(64)), "Uint8Array"],
    [new (class Mine extends ArrayBuffer {})(64), "ArrayBuffer"],
    [new TextEncoder().encode("text"), "Uint8Array"],
  ];
}

/** A pool with something in it, and a call of it with the value in one place. */
type Call = (pool: MemPool, value: never) => unknown;

/** Makes a pool with a block at offset 0 and a free one behind, lets `use` try it, and expects it to be as before. */
function unchanged(use: (pool: MemPool, block: ArrayBuffer) => void): void {
  using pool = makePool();
  const block = present(pool.alloc(100));
  present(pool.alloc(10));
  const before = lastingStats(pool);
  use(pool, block);
  assertEquals(lastingStats(pool), before);
  pool.check();
  pool.free(block);
}

/** The block that `unchanged` has allocated. */
const first = (pool: MemPool): ArrayBuffer => pool.at(0);

const COUNTS: [string, string, string, Call][] = [
  ["alloc", "allocate", "numBytes", (pool, value) => pool.alloc(value)],
  ["calloc, first", "allocate", "numMembers", (pool, value) => pool.calloc(value, 8)],
  ["calloc, second", "allocate", "size", (pool, value) => pool.calloc(8, value)],
  ["realloc", "reallocate", "numBytes", (pool, value) => pool.realloc(first(pool), value)],
  ["allocOffset", "allocate", "numBytes", (pool, value) => pool.allocOffset(value)],
  ["callocOffset, first", "allocate", "numMembers", (pool, value) => pool.callocOffset(value, 8)],
  ["callocOffset, second", "allocate", "size", (pool, value) => pool.callocOffset(8, value)],
  ["reallocOffset", "reallocate", "numBytes", (pool, value) => pool.reallocOffset(0, value)],
  ["allocMany, second", "allocate", "numBytes", (pool, value) => pool.allocMany(2, value)],
  ["allocMany of none, second", "allocate", "numBytes", (pool, value) => pool.allocMany(0, value)],
];

const OFFSETS: [string, string, string, Call][] = [
  ["allocMany, first", "allocate", "count", (pool, value) => pool.allocMany(value, 8)],
  ["freeOffset", "free", "offset", (pool, value) => pool.freeOffset(value)],
  ["reallocOffset, first", "reallocate", "offset", (pool, value) => pool.reallocOffset(value, 8)],
  ["at", "look at", "offset", (pool, value) => pool.at(value)],
];

const BLOCKS: [string, string, Call][] = [
  ["free", "free", (pool, value) => pool.free(value)],
  ["realloc, first", "reallocate", (pool, value) => pool.realloc(value, 8)],
  ["realloc, both", "reallocate", (pool, value) => pool.realloc(value, NaN)],
  ["owns", "check ownership", (pool, value) => pool.owns(value)],
  ["offsetOf", "locate", (pool, value) => pool.offsetOf(value)],
  ["freeMany, one of them", "free", (pool, value) => pool.freeMany([first(pool), value])],
];

for (const [least, calls, wrong] of [[1, COUNTS, NO_COUNTS], [0, OFFSETS, NO_OFFSETS]] as const) {
  for (const [name, action, argument, call] of calls) {
    test(`bad input - ${name}: what is no whole number from ${least} up`, () =>
      unchanged((pool) => {
        for (const [value, shown] of NO_NUMBERS) {
          const message = `Cannot ${action}: ${argument} must be a number, got ${shown}`;
          assertError(() => call(pool, value as never), TypeError, message);
        }
        for (const value of wrong) {
          const message = `Cannot ${action}: ${argument} must be a whole number from ${least} up, got ${value}`;
          assertError(() => call(pool, value as never), RangeError, message);
        }
      }));
  }
}

for (const [name, action, call] of BLOCKS) {
  test(`bad input - ${name}: what is neither a buffer nor a view`, () =>
    unchanged((pool) => {
      for (const [value, shown] of NO_BUFFERS) {
        const message = `Cannot ${action}: block must be an ArrayBuffer or a view on one, got ${shown}`;
        assertError(() => call(pool, value as never), TypeError, message);
      }
    }));

  test(`bad input - ${name}: what only looks like a buffer`, () =>
    unchanged((pool, block) => {
      const lookalikes = [
        Object.create(ArrayBuffer.prototype) as ArrayBuffer,
        Object.create(Uint8Array.prototype) as Uint8Array,
        Object.create(block) as ArrayBuffer,
        new Proxy(new ArrayBuffer(8), {}),
        new Proxy(block, {}),
        new Proxy(new Uint8Array(8), {}),
      ];
      for (const value of lookalikes) assertInstanceOf(thrownBy(() => call(pool, value as never)), TypeError);
    }));
}

test("bad input - a buffer that is no pool's: foreign wherever a block is wanted", () =>
  unchanged((pool, block) => {
    for (const [value, shown] of foreignBuffers()) {
      const why = `an object (${shown}): it is not a block of this pool`;
      const refuse = (action: string, call: () => unknown): void =>
        assertRefused(call, "foreign-block", `Cannot ${action} ${why}`);
      refuse("free", () => pool.free(value));
      refuse("free", () => pool.freeMany([block, value]));
      refuse("reallocate", () => pool.realloc(value, 8));
      refuse("locate", () => pool.offsetOf(value));
      assertEquals(pool.owns(value), false);
    }
  }));

test("bad input - realloc of what is foreign or free to a size that is none: the size is told first, if the block could be one", () =>
  unchanged((pool) => {
    const size = "Cannot reallocate: numBytes must be a whole number from 1 up, got -1";
    assertError(() => pool.realloc(new ArrayBuffer(8), -1), RangeError, size);
    assertError(() => pool.reallocOffset(8, -1), RangeError, size);
    assertError(() => pool.reallocOffset(63 * 64, -1), RangeError, size);
  }));

test("bad input - numbers that are too large are exhaustion", () =>
  unchanged((pool, block) => {
    for (const value of HUGE) {
      assertEquals([pool.alloc(value), pool.calloc(1, Math.min(value, 2 ** 53)), pool.realloc(block, value)], [
        null,
        null,
        null,
      ]);
      assertEquals([pool.allocOffset(value), pool.reallocOffset(0, value)], [-1, -1]);
      assertEquals([pool.allocMany(value, 1), pool.allocMany(1, value), pool.allocMany(value, value)], [
        null,
        null,
        null,
      ]);
    }
  }));

test("bad input - offsets that are too large are foreign", () =>
  unchanged((pool) => {
    for (const value of [...HUGE, 4096, 1]) {
      const why = `offset ${value}: no block of this pool starts there`;
      assertRefused(() => pool.freeOffset(value), "foreign-block", `Cannot free ${why}`);
      assertRefused(() => pool.reallocOffset(value, 8), "foreign-block", `Cannot reallocate ${why}`);
      assertRefused(() => pool.at(value), "foreign-block", `Cannot look at ${why}`);
    }
  }));

test("bad input - calloc: a product past 2^53 is no wrap-around but a RangeError", () =>
  unchanged((pool) => {
    const products = [[2 ** 27, 2 ** 27], [2 ** 53, 2], [3, 2 ** 53], [1e300, 1e300], [2 ** 32 + 1, 2 ** 32], [
      94906267,
      94906267,
    ]];
    for (const [members, size] of products as [number, number][]) {
      const message = `Cannot allocate: numMembers * size must not exceed 2^53, got ${members} * ${size}`;
      assertError(() => pool.calloc(members, size), RangeError, message);
      assertError(() => pool.callocOffset(members, size), RangeError, message);
    }
  }));

test("bad input - freeMany: what is no iterable of blocks", () =>
  unchanged((pool) => {
    const values: [unknown, string][] = [
      ...NO_NUMBERS.filter(([value]) => !Array.isArray(value)),
      [64, "64"],
      [{ [Symbol.iterator]: 5 }, "an object (Object)"],
      [{ [Symbol.iterator]: undefined, length: 0 }, "an object (Object)"],
    ];
    for (const [value, shown] of values) {
      const message = `Cannot free: blocks must be an iterable of blocks, got ${shown}`;
      assertError(() => pool.freeMany(value as never), TypeError, message);
    }
    const number = "Cannot free: block must be an ArrayBuffer or a view on one, got 1";
    assertError(() => pool.freeMany(new Uint8Array([1]) as never), TypeError, number);
    assertInstanceOf(thrownBy(() => pool.freeMany({ [Symbol.iterator]: () => 5 } as never)), TypeError);
  }));

test("bad input - the functions on the default pool refuse the same", () => {
  using pool = mempool.init(4096, 64);
  const before = lastingStats(pool);
  for (const [value, shown] of NO_NUMBERS) {
    const number = `must be a number, got ${shown}`;
    assertError(() => mempool.alloc(value as never), TypeError, `Cannot allocate: numBytes ${number}`);
    assertError(() => mempool.calloc(value as never, 1), TypeError, `Cannot allocate: numMembers ${number}`);
    assertError(() => mempool.calloc(1, value as never), TypeError, `Cannot allocate: size ${number}`);
    assertError(() => mempool.init(value as never, 1), TypeError, `Cannot init pool: size ${number}`);
  }
  for (const [value, shown] of NO_BUFFERS) {
    const block = `block must be an ArrayBuffer or a view on one, got ${shown}`;
    assertError(() => mempool.free(value as never), TypeError, `Cannot free: ${block}`);
    assertError(() => mempool.realloc(value as never, 1), TypeError, `Cannot reallocate: ${block}`);
    assertInstanceOf(thrownBy(() => mempool.attach(value as MemPoolHandle)), TypeError);
  }
  assertEquals(lastingStats(pool), before);
  assertEquals(present(mempool.alloc(1)).byteLength, 1);
});

test("bad input - a method that is called on something else, and a constructor that is called from outside", () => {
  for (const method of ["alloc", "free", "stats", "close", "destroy"] as const) {
    assertInstanceOf(thrownBy(() => (MemPool.prototype[method] as () => void).call({})), TypeError);
  }
  assertInstanceOf(thrownBy(() => new (MemPool as unknown as new () => MemPool)()), TypeError);
});
