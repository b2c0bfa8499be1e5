/**
 * Every value of _argument_values.ts as every argument of every public function: the outcome that _argument_table.ts
 * states, the exact error message, and an unchanged pool; for the first call and after many good calls.
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { MemPool, type MemPoolHandle } from "mempool";
import { effort, soaking } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import {
  assertError,
  destroyQuietly,
  lastingStats,
  makePool,
  type PoolShape,
  present,
  thrownBy,
  withPool,
} from "../support/pool.ts";
import { type Call, LENGTH, POOL_FACTORIES, POOL_FUNCTIONS } from "./_argument_calls.ts";
import {
  assertExpectedError,
  errorOf,
  Fixture,
  observe,
  resultOf,
  tryValue,
  valueOf,
  VALUES,
  valuesOf,
  withFixture,
  withOtherPool,
} from "./_argument_cases.ts";
import { ITERABLES } from "./_argument_iterables.ts";
import { handleMessages } from "./_argument_messages.ts";
import { type Expectation, ROWS } from "./_argument_table.ts";
import { NUMBERS } from "./_argument_values.ts";

/** With the worker caches that a pool of this size has, without them, and checked, which implies none. */
const SHAPES: Readonly<Record<string, PoolShape>> = {
  "blocks cached": {},
  "no blocks cached": { cachedBlocks: 0 },
  "checked": { checked: true },
};

/** Good calls after which both engines have compiled a function for the arguments that it was given. */
const WARM_UP = effort(20_000, 100_000);

/** Each call of init makes a pool. Fewer calls compile the functions that check its arguments. */
const INIT_WARM_UP = effort(300, 1000);

/** A checked call takes tens of microseconds. */
const CHECKED_WARM_UP = effort(100, 20_000);

const everyValue = (): boolean => true;

for (const [name, calls] of Object.entries(POOL_FACTORIES)) {
  test(`arguments - ${name} gives every value the expected outcome on the first call`, () =>
    withFixture({}, (fixture) => tryAll(fixture, calls, everyValue)));
  const rounds = name.endsWith("init") ? INIT_WARM_UP : WARM_UP;
  test(`arguments - ${name} gives every value the expected outcome after many good calls`, () =>
    withFixture({}, (fixture) => warmUpAndTry(fixture, calls, rounds)));
}

for (const [shapeName, shape] of Object.entries(SHAPES)) {
  if (shape.checked && !soaking) continue;
  for (const [name, calls] of Object.entries(POOL_FUNCTIONS)) {
    test(`arguments - ${name} gives every value the expected outcome on the first call of a new pool, ${shapeName}`, () =>
      withOtherPool((other) => {
        for (const call of calls) {
          for (const value of valuesOf(call, shape)) {
            using fixture = new Fixture(shape, other);
            tryValue(fixture, call, value);
          }
        }
      }));
    const rounds = shape.checked ? CHECKED_WARM_UP : WARM_UP;
    test(`arguments - ${name} gives every value the expected outcome after many good calls, ${shapeName}`, () =>
      withFixture(shape, (fixture) => warmUpAndTry(fixture, calls, rounds)));
  }
}

// The normal run tries each value once on a checked pool: half of the values before some good calls, the others after.
for (const [name, calls] of soaking ? [] : Object.entries(POOL_FUNCTIONS)) {
  test(`arguments - ${name} gives every value the expected outcome, checked`, () =>
    withFixture(SHAPES["checked"]!, (fixture) => {
      tryAll(fixture, calls, (place) => place % 2 === 0);
      warmUpAndTry(fixture, calls, CHECKED_WARM_UP, (place) => place % 2 === 1);
    }));
}

/** Selects values by their places in the list. */
type Choice = (place: number) => boolean;

function tryAll(fixture: Fixture, calls: readonly Call[], choice: Choice): void {
  for (const call of calls) {
    for (const value of valuesOf(call, fixture.shape).filter((_, place) => choice(place))) {
      tryValue(fixture, call, value);
    }
  }
}

function warmUpAndTry(fixture: Fixture, calls: readonly Call[], rounds: number, choice: Choice = everyValue): void {
  for (const call of calls) {
    const context = fixture.newContext();
    for (let round = 0; round < rounds / calls.length; round++) call.warmUp(context);
    fixture.becomeDefault();
    fixture.endCase();
  }
  tryAll(fixture, calls, choice);
}

/** The outcomes of freeMany as titles state them. */
const OUTCOMES: Partial<Record<Expectation | "closed", string>> = {
  ok: "frees the blocks",
  Type: "throws a TypeError",
  engine: "throws the engine's TypeError",
  thrown: "passes on the error",
  foreign: "reports a foreign block",
  moved: "reports a moved block",
  double: "reports a double free",
  closed: "reports that the pool is closed",
  destroyed: "reports that the pool is destroyed",
};

for (const [shapeName, shape] of Object.entries(SHAPES)) {
  for (const { name, checked, iterable, ...unchecked } of ITERABLES) {
    const { expected, message, left } = shape.checked ? { ...unchecked, ...checked } : unchecked;
    test(`arguments - freeMany ${OUTCOMES[expected]} when the iterable ${name}, ${shapeName}`, () => {
      const pool = MemPool.init(65536, 64, shape);
      const { handle } = pool;
      const [a, b, run] = [40, 40, 192].map((bytes) => present(pool.alloc(bytes))) as [
        ArrayBuffer,
        ArrayBuffer,
        ArrayBuffer,
      ];
      const observed = observe(() => pool.freeMany(iterable({ pool, a, b, run })));
      if (expected === "ok") assertEquals(resultOf(observed), undefined);
      else assertExpectedError(errorOf(observed), expected, () => message === undefined ? [] : [message]);
      if (expected === "destroyed") return;
      const again = MemPool.attach(handle);
      const { allocs, frees } = again.stats();
      assertEquals(allocs - frees, left);
      again.check();
      destroyQuietly(again);
    });
  }
}

test(
  "arguments - freeMany refuses a typed array as an iterable of numbers",
  withPool((pool) => {
    const message = "Cannot free: block must be an ArrayBuffer or a view on one, got 1";
    assertError(() => pool.freeMany(new Uint8Array([1]) as never), TypeError, message);
  }),
);

test(
  "arguments - calloc and callocOffset refuse a product above 2^53 instead of wrapping around",
  withPool((pool) => {
    const products = [[2 ** 27, 2 ** 27], [2 ** 53, 2], [3, 2 ** 53], [1e300, 1e300], [2 ** 32 + 1, 2 ** 32], [
      94906267,
      94906267,
    ]];
    const before = lastingStats(pool);
    for (const [members, size] of products as [number, number][]) {
      const message = `Cannot allocate: numMembers * size must not exceed 2^53, got ${members} * ${size}`;
      assertError(() => pool.calloc(members, size), RangeError, message);
      assertError(() => pool.callocOffset(members, size), RangeError, message);
    }
    assertEquals(lastingStats(pool), before);
  }),
);

test(
  "arguments - allocMany returns null when both count and numBytes are too large",
  withPool((pool) => {
    for (const value of [2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 47, 2 ** 53 - 1, 2 ** 53, 1e300, Number.MAX_VALUE]) {
      assertEquals(pool.allocMany(value, value), null);
    }
  }),
);

test(
  "arguments - realloc names numBytes first when the block could exist but is foreign or free",
  withPool((pool) => {
    const before = lastingStats(pool);
    const size = "Cannot reallocate: numBytes must be a whole number from 1 up, got -1";
    assertError(() => pool.realloc(new ArrayBuffer(8), -1), RangeError, size);
    assertError(() => pool.reallocOffset(8, -1), RangeError, size);
    assertError(() => pool.reallocOffset(63 * 64, -1), RangeError, size);
    assertEquals(lastingStats(pool), before);
  }),
);

test("arguments - a method called on another object throws a TypeError", () => {
  for (const method of ["alloc", "free", "stats", "close", "destroy"] as const) {
    assertInstanceOf(thrownBy(() => (MemPool.prototype[method] as () => void).call({})), TypeError);
  }
});

for (const field of ["format", "process", "id"] as const) {
  test(`arguments - attach refuses a handle with any other value for ${field}`, () =>
    withFixture({}, (fixture) => {
      const { pool } = fixture;
      const names = VALUES.filter((name) =>
        !(field === "id" && couldBeAnEarlierId(NUMBERS[name])) && NUMBERS[name] !== pool.handle[field]
      );
      const attachForged = (name: string): void => {
        const value = valueOf(name, fixture.newContext());
        const handle = { ...pool.handle, [field]: value } as MemPoolHandle;
        const before = lastingStats(pool);
        const observed = observe(() => MemPool.attach(handle));
        const expected = typeof value !== "number" ? "Type" : field === "format" ? "format" : "unknown";
        assertExpectedError(errorOf(observed), expected, () => handleMessages(expected, handle, "an object (Object)"));
        assertEquals(lastingStats(pool), before);
        fixture.endCase();
      };
      names.forEach(attachForged);
      for (let round = 0; round < WARM_UP; round++) MemPool.attach(pool.handle).close();
      names.forEach(attachForged);
    }));
}

/** Ids start above this number and count up, so a number in this range may be the id of a pool that existed before. */
function couldBeAnEarlierId(id: unknown): boolean {
  return Number.isInteger(id) && Number(id) >= 2 ** 14 && Number(id) < 2 ** 40;
}

test("arguments - a handle is frozen", () => {
  using pool = makePool();
  const before = { ...pool.handle };
  for (const field of ["format", "process", "id", "more"]) {
    assertInstanceOf(thrownBy(() => Object.assign(pool.handle, { [field]: 1 })), TypeError);
  }
  assertEquals({ ...pool.handle }, before);
  using attached = MemPool.attach(pool.handle);
  assertEquals(attached.handle, before);
});

test("arguments - init and attach read each option and field once, so they use the value that they checked", () => {
  using pool = makePool();
  const names: PropertyKey[] = [];
  const recorded = <T extends object>(target: T): T =>
    new Proxy(target, { get: (_, name) => (names.push(name), Reflect.get(target, name) as unknown) });
  MemPool.init(65536, 64, recorded({})).destroy();
  MemPool.attach(recorded({ ...pool.handle })).close();
  assertEquals(names.toSorted(), [...new Set(names)].toSorted());
  assertEquals(names.length, 10);
});

/** Blocks that run their own code when one of their properties, or their prototype, is read. */
const TRAPS: Readonly<Record<string, (block: ArrayBuffer, get: () => never) => object>> = {
  "the buffer of a typed array": (block, get) => Object.defineProperty(new Uint8Array(block), "buffer", { get }),
  "the buffer of a DataView": (block, get) => Object.defineProperty(new DataView(block), "buffer", { get }),
  "the toStringTag of a view": (block, get) =>
    Object.defineProperty(new Uint8Array(block), Symbol.toStringTag, { get }),
  "the byteLength of a buffer": (block, get) => Object.defineProperty(block.transfer(), "byteLength", { get }),
  "the constructor of a buffer": (block, get) => Object.defineProperty(block.transfer(), "constructor", { get }),
  "the prototype of a buffer": (block, get) =>
    Object.setPrototypeOf(block.transfer(), new Proxy({}, { get, getPrototypeOf: get })) as object,
};

for (const [property, make] of Object.entries(TRAPS)) {
  test(`arguments - a pool does not run code of the caller to read ${property}`, () => {
    using pool = makePool();
    const block = make(present(pool.alloc(LENGTH)), () => {
      throw new Error(`The pool has read ${property}`);
    }) as ArrayBuffer;
    assertEquals([pool.owns(block), pool.offsetOf(block)], [true, 0]);
    const longer = present(pool.realloc(block, 50));
    assertEquals(new Uint8Array(longer).length, 50);
    pool.freeMany([block]);
    assertEquals(pool.stats().allocatedBlocks, 0);
    pool.check();
  });
}

test("arguments - a view cannot destroy the pool during free, and so let free reach another pool at its address", () => {
  const pool = MemPool.init(65536, 64);
  const others: MemPool[] = [];
  const view = new Uint8Array(present(pool.alloc(LENGTH)));
  Object.defineProperty(view, "buffer", {
    get() {
      pool.destroy();
      // The library uses a range of addresses again only after it has retired several others.
      for (let round = 0; round < 20; round++) MemPool.init(65536, 64).destroy();
      for (let round = 0; round < 20; round++) others.push(MemPool.init(65536, 64));
      for (const other of others) other.alloc(LENGTH);
      return new ArrayBuffer(0);
    },
  });
  pool.free(view);
  assertEquals(others.length, 0);
  assertEquals(pool.stats().allocatedBlocks, 0);
  pool.destroy();
});

test("arguments - the tables have one row for every value", () => {
  assertEquals([...ROWS].sort(), [...VALUES].sort());
});

test("arguments - there are at least 60 values and 1000 pairs of a parameter and a value", () => {
  const parameters = [...Object.values(POOL_FACTORIES), ...Object.values(POOL_FUNCTIONS)].flat().length;
  assert(
    VALUES.length >= 60 && parameters * VALUES.length >= 1000,
    `${parameters} parameters, ${VALUES.length} values`,
  );
});
