import { assertEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import {
  assertError,
  assertOneFreeRun,
  assertRefused,
  makePool,
  present,
  warningsOf,
  withoutStacks,
  withPool,
} from "../support/pool.ts";

const WARN = { onMisuse: "warn" } as const;

/** What is printed with console.warn, but for the stacks that a checked pool adds. */
function linesOf(act: () => unknown): string[][] {
  return warningsOf(act).map((line) => line.map((text) => withoutStacks(String(text))));
}

test(
  "onMisuse warn - a double free is a line on the console and nothing else",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    pool.free(block);
    const line = "mempool: potential double free. Cannot free block at offset 0: it is already free";
    assertEquals(linesOf(() => pool.free(block)), [[line]]);
    assertEquals(linesOf(() => pool.freeOffset(0)), [[line]]);
    assertEquals(linesOf(() => pool.freeMany([block])), [[line]]);
    assertOneFreeRun(pool);
  }, WARN),
);

test(
  "onMisuse warn - so is a foreign block",
  withPool((pool) => {
    const foreign =
      "mempool: potential double free. Cannot free an object (ArrayBuffer): it is not a block of this pool";
    assertEquals(linesOf(() => pool.free(new ArrayBuffer(8))), [[foreign]]);
    assertEquals(linesOf(() => pool.free(pool.buffer)), [[foreign]]);
    const offset = "mempool: potential double free. Cannot free offset 8: no block of this pool starts there";
    assertEquals(linesOf(() => pool.freeOffset(8)), [[offset]]);
  }, WARN),
);

test(
  "onMisuse warn - freeMany frees none of them",
  withPool((pool) => {
    const [a, b] = present(pool.allocMany(2, 64)) as [ArrayBuffer, ArrayBuffer];
    const line = "mempool: potential double free. Cannot free block at offset 0: it is already free";
    assertEquals(linesOf(() => pool.freeMany([a, b, a])), [[line]]);
    assertEquals(pool.stats().allocatedBlocks, 2);
    assertEquals(linesOf(() => pool.freeMany([a, b])), []);
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
