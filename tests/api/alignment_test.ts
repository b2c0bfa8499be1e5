import { assert, assertEquals } from "@std/assert";
import { MemPool } from "mempool";
import { foreign } from "../support/foreign.ts";
import { test } from "../support/harness.ts";
import { assertMarked, makePool, mark, present } from "../support/pool.ts";

test("alignment - rounds the block size up to its multiple", () => {
  const rounded = [[1, 16, 16], [16, 16, 16], [17, 16, 32], [100, 16, 112], [100, 64, 128], [1, 4096, 4096], [
    4097,
    4096,
    8192,
  ]];
  for (const [asked, alignment, blockSize] of rounded) {
    using pool = MemPool.init(100_000, asked!, { alignment: alignment! });
    assertEquals(pool.blockSize, blockSize);
    assertEquals(pool.blockCount, Math.floor(100_000 / blockSize!));
    assertEquals(pool.size, pool.blockCount * blockSize!);
  }
});

test("alignment - is 16 by default", () => {
  using pool = MemPool.init(1000, 33);
  assertEquals([pool.blockSize, pool.blockCount, pool.size], [48, 20, 960]);
});

test("alignment - makes every block start on its multiple, as an offset and as an address", () => {
  for (const alignment of [16, 32, 64, 256, 1024, 4096]) {
    using pool = makePool({ blocks: 20, blockSize: alignment, alignment });
    for (const bytes of [1, alignment, alignment + 1, 3 * alignment]) {
      const block = present(pool.alloc(bytes));
      assertEquals(pool.offsetOf(block) % alignment, 0);
      assertEquals(foreign.addressOf(block) % alignment, 0);
    }
    pool.check();
  }
});

test("alignment - lets a typed array of every type start at a block, also with an odd block size", () => {
  using pool = makePool({ blocks: 40, blockSize: 7 });
  assertEquals(pool.blockSize, 16);
  const block = present(pool.alloc(32));
  for (const type of [Uint8Array, Int16Array, Float32Array, Float64Array, BigInt64Array]) {
    assert(new type(block).length > 0);
    assert(new type(pool.buffer, pool.offsetOf(block)).length > 0);
  }
});

test("alignment - holds in a pool of two blocks, and in a pool of one block and a remainder", () => {
  using two = MemPool.init(32, 16, { cachedBlocks: 0 });
  const blocks = present(two.allocMany(2, 16));
  blocks.forEach(mark);
  blocks.forEach((block, cookie) => assertMarked(block, cookie));
  assertEquals(two.alloc(1), null);
  using one = MemPool.init(31, 16);
  assertEquals([one.blockCount, one.size], [1, 16]);
  assertEquals(present(one.alloc(16)).byteLength, 16);
  assertEquals(one.alloc(1), null);
  one.check();
});
