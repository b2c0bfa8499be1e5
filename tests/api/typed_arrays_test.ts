/** pool.allocArray returns typed arrays of every type over blocks. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { MemPool, TypedArrayConstructor } from "mempool";
import { runInNewContext } from "node:vm";
import { test } from "../support/harness.ts";
import {
  assertError,
  assertOneFreeRun,
  assertRefused,
  makePool,
  present,
  thrownBy,
  withPool,
} from "../support/pool.ts";

const TYPES: readonly TypedArrayConstructor[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Float16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

/** A call without type checks. */
function allocArray(pool: MemPool, type: unknown, length: unknown = 1): unknown {
  return pool.allocArray(type as Uint8ArrayConstructor, length as number);
}

for (const type of TYPES) {
  test(
    `allocArray - returns an aligned ${type.name} of the requested length over its whole block, which free accepts`,
    withPool((pool) => {
      pool.allocOffset(1);
      for (const length of [1, 7, 64, 100]) {
        const array = present(pool.allocArray(type, length));
        assertStrictEquals(Object.getPrototypeOf(array), type.prototype);
        assertEquals([array.length, array.byteOffset], [length, 0]);
        assertEquals(array.buffer.byteLength, length * type.BYTES_PER_ELEMENT);
        assertEquals(pool.offsetOf(array) % type.BYTES_PER_ELEMENT, 0);
        const one = typeof array[0] === "bigint" ? 1n : 1;
        array.fill(one as never);
        assertEquals(new type(pool.at(pool.offsetOf(array)))[length - 1], one);
        pool.free(array);
        assertEquals(pool.owns(array), false);
      }
      pool.freeOffset(0);
      assertOneFreeRun(pool);
    }),
  );
}

test("allocArray - has the static type of its constructor", () => {
  using pool = makePool();
  const floats: Float64Array<ArrayBuffer> | null = pool.allocArray(Float64Array, 1);
  const whole: BigInt64Array<ArrayBuffer> | null = pool.allocArray(BigInt64Array, 1);
  const halves: Float16Array<ArrayBuffer> | null = pool.allocArray(Float16Array, 1);
  assertEquals([floats?.length, whole?.length, halves?.length], [1, 1, 1]);
});

test(
  "allocArray - returns null when no run fits, also for more than any pool can hold",
  withPool((pool) => {
    assertEquals(pool.allocArray(Float64Array, 513), null);
    assertEquals(pool.allocArray(Float64Array, 2 ** 50), null);
    assertEquals(pool.allocArray(Uint8Array, 2 ** 53), null);
    assertEquals(pool.stats().exhausted, 3);
    assertEquals(pool.allocArray(Float64Array, 512)?.length, 512);
    assertEquals(pool.allocArray(Uint8Array, 1), null);
  }),
);

test(
  "allocArray - returns an array that realloc resizes with its contents",
  withPool((pool) => {
    const array = present(pool.allocArray(Int32Array, 3));
    array.set([1, 2, 3]);
    const longer = present(pool.realloc(array, 400));
    assertEquals([...new Int32Array(longer, 0, 3)], [1, 2, 3]);
    pool.free(longer);
    assertRefused(
      () => pool.free(longer),
      "double-free",
      "Cannot free block at offset 0: it is already free",
    );
  }),
);

test(
  "allocArray - refuses an array of more than 2^53 bytes",
  withPool((pool) => {
    const before = pool.stats().allocs;
    for (const length of [2 ** 50 + 1, 2 ** 53, Number.MAX_VALUE]) {
      const message = `Cannot allocate: length * BYTES_PER_ELEMENT must not exceed 2^53, got ${length} * 8`;
      assertError(() => pool.allocArray(BigInt64Array, length), RangeError, message);
    }
    assertEquals(pool.stats().allocs, before);
  }),
);

test(
  "allocArray - accepts only the engine's constructors, and runs no code of others",
  withPool((pool) => {
    let ran = false;
    class Mine extends Float64Array {
      constructor() {
        super(1);
        ran = true;
      }
      static override get BYTES_PER_ELEMENT(): number {
        ran = true;
        return 8;
      }
    }
    const spy = new Proxy(Float64Array, {
      get: () => ran = true,
      construct: () => {
        ran = true;
        return new Float64Array(1);
      },
    });
    const TypedArray = Object.getPrototypeOf(Uint8Array) as unknown;
    const foreign = runInNewContext("Uint8Array") as unknown;
    assert(foreign !== Uint8Array);
    const before = pool.stats().allocs;
    for (
      const type of [Mine, spy, TypedArray, foreign, DataView, Array, ArrayBuffer, Uint8Array.from, new Uint8Array(1)]
    ) {
      const { name, message } = thrownBy(() => allocArray(pool, type)) as Error;
      assertEquals(name, "TypeError");
      assert(
        message.startsWith("Cannot allocate: type must be one of the engine's typed array constructors, got "),
        message,
      );
    }
    assertEquals([pool.stats().allocs, ran], [before, false]);
  }),
);

test("allocArray - returns an array that is detached when it is freed, in a checked pool", () => {
  using pool = makePool({ checked: true });
  const array = present(pool.allocArray(Float32Array, 10));
  pool.free(array);
  assertEquals([array.length, array[0]], [0, undefined]);
});
