import { assertEquals } from "@std/assert";
import { test } from "./_harness.ts";
import { assertError, assertOneFreeRun, assertRefused, makePool, present, warningsOf, withPool } from "./_pool.ts";

const WARN = { onMisuse: "warn" } as const;

test(
  "onMisuse warn - a double free is a line on the console and nothing else",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    pool.free(block);
    const line = "mempool: potential double free. Cannot free block at offset 0: it is already free";
    assertEquals(warningsOf(() => pool.free(block)), [[line]]);
    assertEquals(warningsOf(() => pool.freeOffset(0)), [[line]]);
    assertEquals(warningsOf(() => pool.freeMany([block])), [[line]]);
    assertOneFreeRun(pool);
  }, WARN),
);

test(
  "onMisuse warn - so is a foreign block",
  withPool((pool) => {
    const foreign =
      "mempool: potential double free. Cannot free an object (ArrayBuffer): it is not a block of this pool";
    assertEquals(warningsOf(() => pool.free(new ArrayBuffer(8))), [[foreign]]);
    assertEquals(warningsOf(() => pool.free(pool.buffer)), [[foreign]]);
    const offset = "mempool: potential double free. Cannot free offset 8: no block of this pool starts there";
    assertEquals(warningsOf(() => pool.freeOffset(8)), [[offset]]);
  }, WARN),
);

test(
  "onMisuse warn - freeMany frees none of them",
  withPool((pool) => {
    const [a, b] = present(pool.allocMany(2, 64)) as [ArrayBuffer, ArrayBuffer];
    const line = "mempool: potential double free. Cannot free block at offset 0: it is already free";
    assertEquals(warningsOf(() => pool.freeMany([a, b, a])), [[line]]);
    assertEquals(pool.stats().allocatedBlocks, 2);
    assertEquals(warningsOf(() => pool.freeMany([a, b])), []);
    assertOneFreeRun(pool);
  }, WARN),
);

test(
  "onMisuse warn - is of no effect on arguments that cannot be a block",
  withPool((pool) => {
    const block = "Cannot free: block must be an ArrayBuffer or a view on one, got null";
    assertError(() => pool.free(null as unknown as ArrayBuffer), TypeError, block);
    assertError(() => pool.freeOffset(-1), RangeError, "Cannot free: offset must be a whole number from 0 up, got -1");
  }, WARN),
);

test(
  "onMisuse warn - other operations still throw: they have something to return",
  withPool((pool) => {
    const block = present(pool.alloc(64));
    pool.free(block);
    const free = "block at offset 0: it is already free";
    assertEquals(
      warningsOf(() => {
        assertRefused(() => pool.realloc(block, 10), "double-free", `Cannot reallocate ${free}`);
        assertRefused(() => pool.offsetOf(block), "double-free", `Cannot locate ${free}`);
        assertRefused(() => pool.at(0), "double-free", `Cannot look at ${free}`);
      }),
      [],
    );
  }, WARN),
);

test("onMisuse throw - is the default, and prints nothing", () => {
  for (const shape of [{}, { onMisuse: "throw" }] as const) {
    using pool = makePool(shape);
    const message = "Cannot free block at offset 0: it is already free";
    assertEquals(warningsOf(() => assertRefused(() => pool.freeOffset(0), "double-free", message)), []);
  }
});
