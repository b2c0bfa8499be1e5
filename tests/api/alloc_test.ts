import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import { assertMarked, assertOneFreeRun, insideOf, makePool, mark, present, withPool } from "../support/pool.ts";

test(
  "alloc - returns a buffer of exactly the requested length, over the fewest blocks that fit",
  withPool((pool) => {
    for (const [bytes, blocks] of [[1, 1], [63, 1], [64, 1], [65, 2], [128, 2], [129, 3], [640, 10]] as const) {
      const before = pool.stats().allocatedBlocks;
      assertEquals(present(pool.alloc(bytes)).byteLength, bytes);
      assertEquals(pool.stats().allocatedBlocks - before, blocks, `${bytes} bytes`);
    }
  }),
);

test(
  "alloc - returns an ordinary ArrayBuffer that views, structuredClone and TextDecoder accept",
  withPool((pool) => {
    const block = present(pool.alloc(5));
    assert(block instanceof ArrayBuffer);
    assertEquals([block.resizable, block.detached], [false, false]);
    new Uint8Array(block).set([104, 101, 108, 108, 111]);
    assertEquals(new TextDecoder().decode(block), "hello");
    assertEquals(new Uint8Array(structuredClone(block)), new Uint8Array([104, 101, 108, 108, 111]));
    assertEquals(new DataView(block).getUint8(4), 111);
  }),
);

test(
  "alloc - returns blocks that do not overlap and keep their bytes",
  withPool((pool) => {
    const blocks = [1, 64, 65, 200, 7, 64, 640].map((bytes) => present(pool.alloc(bytes)));
    blocks.forEach(mark);
    blocks.forEach((block, cookie) => assertMarked(block, cookie));
    blocks.forEach((block) => pool.free(block));
    assertOneFreeRun(pool);
  }),
);

test(
  "alloc - can return the whole pool as one block",
  withPool((pool) => {
    const block = present(pool.alloc(pool.size));
    mark(block, 1);
    assertMarked(block, 1);
    assertEquals(pool.alloc(1), null);
    pool.free(block);
    assertOneFreeRun(pool);
  }),
);

test(
  "alloc - returns null for more bytes than any pool can hold",
  withPool((pool) => {
    for (const bytes of [pool.size + 1, 2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 47, 2 ** 53, 1e300, Number.MAX_VALUE]) {
      assertEquals(pool.alloc(bytes), null);
      assertEquals(pool.allocOffset(bytes), -1);
    }
    assertEquals(pool.stats().exhausted, 16);
    assertEquals(pool.stats().allocatedBlocks, 0);
  }),
);

test(
  "alloc - finds the last run that fits when the other free runs are too short",
  withPool((pool) => {
    const blocks = Array.from({ length: 8 }, () => present(pool.alloc(64)));
    for (const place of [1, 4, 5]) pool.free(blocks[place]!);
    assertEquals(pool.alloc(129), null);
    assertEquals(pool.offsetOf(present(pool.alloc(128))), 4 * 64);
    assertEquals(pool.offsetOf(present(pool.alloc(64))), 64);
    assertEquals(pool.alloc(1), null);
  }, { blocks: 8 }),
);

test(
  "alloc - returns the same object when a freed block is allocated with the same length, as C returns the same pointer",
  withPool((pool) => {
    const first = present(pool.alloc(10));
    pool.free(first);
    assertStrictEquals(pool.alloc(10), first);
  }, { checked: false }),
);

test(
  "alloc - ignores a byteLength property that the caller defined on a freed buffer",
  withPool((pool) => {
    for (const place of [3, 1500]) {
      const blocks = Array.from({ length: 1600 }, () => present(pool.alloc(64)));
      const freed = blocks[place]!;
      pool.free(freed);
      Object.defineProperty(freed, "byteLength", {
        get: () => {
          throw new Error("the caller's code ran");
        },
      });
      // assertStrictEquals would read the property for its message.
      assert(present(pool.alloc(64)) === freed);
      pool.freeMany(blocks);
    }
  }, { blocks: 1600, checked: false }),
);

test(
  "alloc - returns a new object each time with cachedBuffers: 0",
  withPool((pool) => {
    const first = present(pool.alloc(10));
    mark(first, 3);
    pool.free(first);
    const second = present(pool.alloc(10));
    assertNotStrictEquals(second, first);
    assertEquals(pool.offsetOf(second), 0);
    pool.free(second);
    assertOneFreeRun(pool);
  }, { cachedBuffers: 0 }),
);

test("alloc - returns separate blocks when there are more of them than cachedBuffers", () => {
  for (const cachedBuffers of [0, 1, 3, 8]) {
    using pool = makePool({ cachedBuffers });
    const blocks = Array.from({ length: 64 }, () => present(pool.alloc(64)));
    blocks.forEach(mark);
    blocks.forEach((block, cookie) => {
      assertMarked(block, cookie);
      assertEquals(pool.offsetOf(block), cookie * 64);
    });
    for (const block of blocks.reverse()) pool.free(block);
    assertOneFreeRun(pool);
  }
});

test(
  "calloc - returns a zeroed buffer as long as the product",
  withPool((pool) => {
    const block = present(pool.calloc(10, 13));
    assertEquals(new Uint8Array(block), new Uint8Array(130));
  }),
);

test(
  "calloc - zeroes memory that was used before, and no other memory",
  withPool((pool) => {
    const before = present(pool.alloc(64));
    const used = present(pool.alloc(200));
    const behind = present(pool.alloc(64));
    [before, used, behind].forEach(mark);
    pool.free(used);
    const block = present(pool.calloc(100, 2));
    assertEquals(pool.offsetOf(block), 64);
    assertEquals(new Uint8Array(block), new Uint8Array(200));
    assertMarked(before, 0);
    assertMarked(behind, 2);
  }),
);

test(
  "calloc - zeroes a run of which only the start was used before",
  withPool((pool) => {
    const used = present(pool.alloc(100));
    mark(used, 1);
    pool.free(used);
    const block = present(pool.calloc(1, 1000));
    assertEquals(pool.offsetOf(block), 0);
    assertEquals(new Uint8Array(block), new Uint8Array(1000));
  }),
);

test(
  "calloc - zeroes its block wherever it lies and whatever it held",
  withPool((pool) => {
    for (let round = 0; round < 200; round++) {
      const bytes = 1 + (round * 37) % 300;
      const dirty = present(pool.alloc(1 + (round * 101) % 500));
      mark(dirty, round);
      if (round % 3 === 0) pool.free(dirty);
      const zeros = present(pool.calloc(1, bytes));
      assertEquals(new Uint8Array(zeros), new Uint8Array(bytes));
      mark(zeros, round);
      pool.free(zeros);
      if (round % 3 !== 0) pool.free(dirty);
    }
    assertOneFreeRun(pool);
  }),
);

test(
  "calloc - returns null when no run fits, also for a product of exactly 2^53",
  withPool((pool) => {
    assertEquals(pool.calloc(65, 64), null);
    assertEquals(pool.calloc(2 ** 26, 2 ** 27), null);
    assertEquals(pool.callocOffset(2 ** 26, 2 ** 27), -1);
    assertEquals(new Uint8Array(present(pool.calloc(64, 64))), new Uint8Array(4096));
  }),
);

test(
  "calloc - zeroes memory that another worker used and freed during the call",
  withPool((pool) => {
    const { lock } = insideOf(pool);
    const { enter } = lock;
    // Another worker may do this before this worker acquires the lock.
    lock.enter = (action) => {
      lock.enter = enter;
      const used = pool.allocOffset(pool.size);
      new Uint8Array(pool.buffer).fill(255);
      pool.freeOffset(used);
      enter.call(lock, action);
    };
    const bytes = new Uint8Array(present(pool.calloc(1, pool.size)));
    assertEquals(bytes.findIndex((byte) => byte !== 0), -1);
  }),
);
