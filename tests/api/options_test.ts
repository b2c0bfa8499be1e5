import { assertEquals, assertInstanceOf } from "@std/assert";
import { MemPool, MemPoolError, type MemPoolOptions } from "mempool";
import { MAX_BLOCKS } from "../../src/region/layout.ts";
import { test } from "../support/harness.ts";
import { assertError, assertRefused, present } from "../support/pool.ts";

function init(...args: unknown[]): MemPool {
  return MemPool.init(...args as [number, number]);
}

/** Values that are not numbers, and how messages show them. */
const NOT_NUMBERS: [unknown, string][] = [
  [undefined, "undefined"],
  [null, "null"],
  ["64", '"64"'],
  [64n, "64n"],
  [true, "true"],
  [{ valueOf: () => 64 }, "an object (Object)"],
  [[64], "an object (Array)"],
  [Symbol("64"), "Symbol(64)"],
  [() => 64, "a function"],
];

/** Numbers that are not whole numbers from 1 up. */
const NOT_COUNTS = [0, -0, -1, 1.5, NaN, Infinity, -Infinity, Number.MIN_VALUE];

test("init - refuses sizes that are not numbers", () => {
  for (const [value, shown] of NOT_NUMBERS) {
    assertError(() => init(value, 64), TypeError, `Cannot init pool: size must be a number, got ${shown}`);
    assertError(
      () => init(4096, value),
      TypeError,
      `Cannot init pool: defaultBlockSize must be a number, got ${shown}`,
    );
  }
});

test("init - refuses sizes that are not safe whole numbers from 1 up", () => {
  for (const value of NOT_COUNTS) {
    const why = `must be a whole number from 1 up, got ${value}`;
    assertError(() => init(value, 64), RangeError, `Cannot init pool: size ${why}`);
    assertError(() => init(4096, value), RangeError, `Cannot init pool: defaultBlockSize ${why}`);
  }
  for (const value of [2 ** 53, 1e300, Number.MAX_VALUE]) {
    const why = `must be a safe integer, got ${value}`;
    assertError(() => init(value, 64), RangeError, `Cannot init pool: size ${why}`);
    assertError(() => init(4096, value), RangeError, `Cannot init pool: defaultBlockSize ${why}`);
  }
});

test("init - refuses blocks that are not smaller than the pool, also once they are rounded up", () => {
  const cases: [number, number, MemPoolOptions, number][] = [
    [64, 64, {}, 64],
    [64, 65, {}, 80],
    [64, 49, {}, 64],
    [1, 1, {}, 16],
    [16, 1, {}, 16],
    [4096, 1, { alignment: 4096 }, 4096],
    [1000, 2 ** 53 - 1, {}, 2 ** 53],
  ];
  for (const [size, block, options, rounded] of cases) {
    const message = "Cannot init pool: defaultBlockSize must be smaller than size, " +
      `got ${rounded} (rounded up) and ${size}`;
    assertError(() => init(size, block, options), RangeError, message);
  }
});

test("init - refuses a size over 2^47 and more blocks than a block table can have", () => {
  const size = "Cannot init pool: size must not exceed 2^47, got 140737488355329";
  assertError(() => init(2 ** 47 + 1, 2 ** 30), RangeError, size);
  const ratio = `Cannot init pool: size / blockSize must not exceed ${MAX_BLOCKS}, got ${16 * (MAX_BLOCKS + 1)} / 16`;
  assertError(() => init(16 * (MAX_BLOCKS + 1), 16), RangeError, ratio);
});

test("init - refuses options that are not an object, and accepts unknown ones", () => {
  for (const [value, shown] of [[null, "null"], [5, "5"], ["x", '"x"'], [() => 1, "a function"]] as const) {
    assertError(() => init(4096, 64, value), TypeError, `Cannot init pool: options must be an object, got ${shown}`);
  }
  for (const options of [undefined, {}, Object.create(null), { unknown: 1 }]) init(4096, 64, options).destroy();
});

test("init - treats an undefined option as absent", () => {
  const names = ["alignment", "onMisuse", "cachedBlocks", "cachedBuffers", "lockTimeout", "maxSize", "checked"];
  using pool = init(4096, 64, Object.fromEntries(names.map((name) => [name, undefined])));
  assertEquals(present(pool.alloc(1)).byteLength, 1);
});

test("alignment - is refused unless it is a power of two from 16 to 4096", () => {
  for (const [value, shown] of NOT_NUMBERS.slice(1)) {
    const message = `Cannot init pool: alignment must be a number, got ${shown}`;
    assertError(() => init(4096, 64, { alignment: value }), TypeError, message);
  }
  for (const value of NOT_COUNTS) {
    const message = `Cannot init pool: alignment must be a whole number from 1 up, got ${value}`;
    assertError(() => init(4096, 64, { alignment: value }), RangeError, message);
  }
  for (const value of [1, 8, 15, 17, 24, 48, 4095, 8192, 2 ** 32 + 16, 2 ** 53]) {
    const message = `Cannot init pool: alignment must be a power of two from 16 to 4096, got ${value}`;
    assertError(() => init(4096, 64, { alignment: value }), RangeError, message);
  }
});

test("cachedBlocks, cachedBuffers, lockTimeout - are refused unless they are whole numbers from 0 to 2^31 - 1", () => {
  for (const name of ["cachedBlocks", "cachedBuffers", "lockTimeout"]) {
    const refuse = (value: unknown, type: ErrorConstructor, why: string): void =>
      assertError(() => init(4096, 64, { [name]: value }), type, `Cannot init pool: ${name} ${why}`);
    for (const [value, shown] of NOT_NUMBERS.slice(1)) refuse(value, TypeError, `must be a number, got ${shown}`);
    for (const value of [-1, 1.5, NaN, Infinity]) {
      refuse(value, RangeError, `must be a whole number from 0 up, got ${value}`);
    }
    for (const value of [2 ** 31, 2 ** 53]) refuse(value, RangeError, `must not exceed 2^31 - 1, got ${value}`);
    for (const value of [0, -0, 1, 2 ** 31 - 1]) {
      using pool = init(4096, 64, { [name]: value });
      pool.free(present(pool.alloc(1)));
      pool.check();
    }
  }
});

test('onMisuse - is refused unless it is "throw" or "warn"', () => {
  const message = 'Cannot init pool: onMisuse must be "throw" or "warn", got ';
  for (const [value, shown] of [["", '""'], ["Warn", '"Warn"'], ["ignore", '"ignore"']]) {
    assertError(() => init(4096, 64, { onMisuse: value }), RangeError, message + shown);
  }
  for (const [value, shown] of [[1, "1"], [true, "true"], [["warn"], "an object (Array)"], [null, "null"]]) {
    assertError(() => init(4096, 64, { onMisuse: value }), TypeError, message + shown);
  }
});

test('init - throws "map-failed" for a size that the system cannot map; the next pool works', () => {
  const bytes = 2 ** 47;
  const message = `Cannot init pool: the system refused ${bytes} bytes (errno `;
  for (const blockSize of [2 ** 20, 2 ** 30, 2 ** 46]) {
    let error: unknown;
    try {
      init(bytes, blockSize);
    } catch (thrown) {
      error = thrown;
    }
    assertInstanceOf(error, MemPoolError);
    assertEquals([error.code, error.message.replace(/\d+\)$/, "")], ["map-failed", message]);
  }
  // Nearly the whole address space, of which a part is always in use: Linux and macOS report ENOMEM.
  const half = 2 ** 47 - 2 ** 41;
  assertRefused(
    () => init(half, 2 ** 30),
    "map-failed",
    `Cannot init pool: the system refused ${half} bytes (errno 12)`,
  );
  using pool = init(4096, 64);
  present(pool.alloc(1));
});
