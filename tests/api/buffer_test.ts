import { assertEquals, assertStrictEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import { assertMarked, makePool, mark, present, withPool } from "../support/pool.ts";

test(
  "buffer - the whole data area, zero at first, the same object each time",
  withPool((pool) => {
    assertEquals(pool.buffer.byteLength, pool.size);
    assertEquals(new Uint8Array(pool.buffer), new Uint8Array(pool.size));
    assertStrictEquals(pool.buffer, pool.buffer);
  }),
);

test(
  "buffer - sees the bytes of every block at its offset, and writes them",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    mark(block, 1);
    assertMarked(new Uint8Array(pool.buffer, pool.offsetOf(block), 100), 1);
    mark(new Uint8Array(pool.buffer, pool.offsetOf(block), 100), 2);
    assertMarked(block, 2);
  }),
);

test(
  "buffer - is whole again after the engine transferred it away",
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

test("buffer - is empty once the pool is destroyed or closed, and does not throw", () => {
  const pool = makePool();
  const { size } = pool;
  pool.destroy();
  assertEquals([pool.buffer.byteLength, pool.size], [0, size]);
  const left = makePool();
  left.close();
  assertEquals(left.buffer.byteLength, 0);
});
