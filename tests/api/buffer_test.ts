import { assertEquals, assertStrictEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import { assertMarked, makePool, mark, present, withPool } from "../support/pool.ts";

test(
  "buffer - covers the whole pool, starts zeroed, and is the same object each time",
  withPool((pool) => {
    assertEquals(pool.buffer.byteLength, pool.size);
    assertEquals(new Uint8Array(pool.buffer), new Uint8Array(pool.size));
    assertStrictEquals(pool.buffer, pool.buffer);
  }),
);

test(
  "buffer - reads and writes the bytes of a block at its offset",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    mark(block, 1);
    assertMarked(new Uint8Array(pool.buffer, pool.offsetOf(block), 100), 1);
    mark(new Uint8Array(pool.buffer, pool.offsetOf(block), 100), 2);
    assertMarked(block, 2);
  }),
);

test(
  "buffer - covers the whole pool again after the engine transferred it",
  withPool((pool) => {
    pool.buffer.transfer();
    assertEquals(pool.buffer.byteLength, pool.size);
    pool.buffer.transfer(0);
    assertEquals(pool.buffer.byteLength, pool.size);
  }),
);

test(
  "buffer - ends with the last whole block",
  withPool((pool) => {
    assertEquals([pool.size, pool.buffer.byteLength], [15 * 48, 15 * 48]);
  }, { blocks: 15, blockSize: 48 }),
);

test("buffer - is empty after destroy or close, and does not throw", () => {
  const pool = makePool();
  const { size } = pool;
  pool.destroy();
  assertEquals([pool.buffer.byteLength, pool.size], [0, size]);
  const left = makePool();
  left.close();
  assertEquals(left.buffer.byteLength, 0);
});
