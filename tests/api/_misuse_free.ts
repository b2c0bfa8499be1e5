/** Misuse of free, freeMany and freeOffset. With `onMisuse: "warn"` the ones that are about blocks are lines on the console. */

import { assertEquals } from "@std/assert";
import { type Misuse, one, run, untyped } from "./_misuse.ts";
import { makePool, present } from "../support/pool.ts";

const FREE_AT_0 = "Cannot free block at offset 0: it is already free";
const FREE_AT_64 = "Cannot free block at offset 64: it is already free";
const FREE_AT_128 = "Cannot free block at offset 128: it is already free";
const FOREIGN = "Cannot free an object (ArrayBuffer): it is not a block of this pool";
const FOREIGN_VIEW = "Cannot free an object (Uint8Array): it is not a block of this pool";

export const DOUBLE_FREES: readonly Misuse[] = [
  ["free, twice", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    pool.free(block);
    return () => pool.free(block);
  }],
  ["free, then free by a view", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    const view = new Uint8Array(block);
    pool.free(block);
    return () => pool.free(view);
  }],
  ["free by a view of a part, then free", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    pool.free(new Uint8Array(block).subarray(2, 4));
    return () => pool.free(block);
  }],
  ["free by one view, then by another", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    const views = [new Uint8Array(block), new DataView(block, 8)] as const;
    pool.free(views[0]);
    return () => pool.free(views[1]);
  }],
  ["free, then freeOffset", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    const offset = pool.offsetOf(block);
    pool.free(block);
    return () => pool.freeOffset(offset);
  }],
  ["freeOffset, twice", "double-free", FREE_AT_0, (pool) => {
    const offset = pool.allocOffset(10);
    pool.freeOffset(offset);
    return () => pool.freeOffset(offset);
  }],
  ["freeOffset, then free", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    pool.freeOffset(0);
    return () => pool.free(block);
  }],
  ["freeMany, then free", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    pool.freeMany([block, one(pool)]);
    return () => pool.free(block);
  }],
  ["free, then freeMany", "double-free", FREE_AT_64, (pool) => {
    const blocks = [one(pool), one(pool)] as const;
    pool.free(blocks[1]);
    return () => pool.freeMany(blocks);
  }],
  ["freeMany, twice", "double-free", FREE_AT_0, (pool) => {
    const blocks = present(pool.allocMany(3, 10));
    pool.freeMany(blocks);
    return () => pool.freeMany(blocks);
  }],
  ["freeMany of a list that names a block twice", "double-free", FREE_AT_64, (pool) => {
    const [a, b] = [one(pool), one(pool)];
    return () => pool.freeMany([b, a, b]);
  }],
  ["freeMany of a block and a view on it", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    return () => pool.freeMany([block, new Uint8Array(block)]);
  }],
  ["free of a run, twice", "double-free", FREE_AT_0, (pool) => {
    const block = run(pool);
    pool.free(block);
    return () => pool.free(block);
  }],
  [
    "free of a run that is part of a longer free one by now",
    "double-free",
    "Cannot free block at offset 192: it is already free",
    (pool) => {
      const blocks = [run(pool), run(pool), run(pool)] as const;
      for (const block of blocks) pool.free(block);
      return () => pool.free(blocks[1]);
    },
  ],
  ["free of the first of three blocks that are one free run", "double-free", FREE_AT_0, (pool) => {
    const blocks = [one(pool), one(pool), one(pool)] as const;
    for (const block of blocks) pool.free(block);
    return () => pool.free(blocks[0]);
  }],
  ["free of the last of three blocks that are one free run", "double-free", FREE_AT_128, (pool) => {
    const blocks = [one(pool), one(pool), one(pool)] as const;
    for (const block of blocks) pool.free(block);
    return () => pool.free(blocks[2]);
  }],
  ["free of the buffer that realloc has moved away from", "double-free", FREE_AT_0, (pool) => {
    const block = one(pool);
    one(pool);
    pool.realloc(block, 1000);
    return () => pool.free(block);
  }],
  ["free of the buffer that was moved, after that of what it moved to", "double-free", FREE_AT_0, (pool) => {
    const moved = one(pool).transfer();
    pool.free(moved);
    return () => pool.free(moved);
  }],
  ["freeOffset where nothing was ever allocated", "double-free", FREE_AT_64, (pool) => () => pool.freeOffset(64)],
  ["freeOffset of the middle block of a run", "double-free", FREE_AT_64, (pool) => {
    run(pool);
    return () => pool.freeOffset(64);
  }],
  ["freeOffset of the last block of a run", "double-free", FREE_AT_128, (pool) => {
    run(pool);
    return () => pool.freeOffset(128);
  }],
  ["freeOffset of what realloc has cut off", "double-free", FREE_AT_64, (pool) => {
    pool.realloc(run(pool), 10);
    return () => pool.freeOffset(64);
  }],
];

export const FOREIGN_BLOCKS: readonly Misuse[] = [
  ["free of a buffer of the system's", "foreign-block", FOREIGN, (pool) => () => pool.free(new ArrayBuffer(64))],
  ["free of an array of numbers", "foreign-block", FOREIGN_VIEW, (pool) => () => pool.free(new Uint8Array(64))],
  ["free of a view on shared memory", "foreign-block", FOREIGN_VIEW, (pool) => {
    return () => pool.free(new Uint8Array(new SharedArrayBuffer(64)));
  }],
  ["free of another pool's block", "foreign-block", FOREIGN, (pool) => {
    const other = makePool();
    const block = one(other);
    return () => {
      using _ = other;
      pool.free(block);
    };
  }],
  ["free of a block of a pool that is destroyed", "foreign-block", FOREIGN, (pool) => {
    const other = makePool();
    const block = one(other);
    other.destroy();
    return () => pool.free(block);
  }],
  ["free of pool.buffer", "foreign-block", FOREIGN, (pool) => {
    one(pool);
    return () => pool.free(pool.buffer);
  }],
  ["free of a block by a view on pool.buffer", "foreign-block", FOREIGN_VIEW, (pool) => {
    const offset = pool.allocOffset(10);
    return () => pool.free(new Uint8Array(pool.buffer, offset, 10));
  }],
  ["free of pool.buffer while one block is the whole pool", "foreign-block", FOREIGN, (pool) => {
    present(pool.alloc(pool.size));
    return () => pool.free(pool.buffer);
  }],
  ["free of a view on pool.buffer while one block is the whole pool", "foreign-block", FOREIGN_VIEW, (pool) => {
    present(pool.alloc(pool.size));
    return () => pool.free(new Uint8Array(pool.buffer, 0, 64));
  }],
  ["free of pool.buffer after the engine moved it", "foreign-block", FOREIGN, (pool) => {
    present(pool.alloc(100));
    const moved = pool.buffer.transfer();
    return () => pool.free(moved);
  }],
  ["free of a moved buffer whose block was allocated again with another length", "foreign-block", FOREIGN, (pool) => {
    const moved = present(pool.alloc(100)).transfer();
    pool.freeOffset(0);
    assertEquals(pool.allocOffset(90), 0);
    return () => pool.free(moved);
  }],
  ["free of a copy", "foreign-block", FOREIGN, (pool) => {
    const copy = structuredClone(one(pool));
    return () => pool.free(copy);
  }],
  ["free of a slice", "foreign-block", FOREIGN, (pool) => {
    const slice = one(pool).slice();
    return () => pool.free(slice);
  }],
  ["free of a buffer that was transferred away", "foreign-block", FOREIGN, (pool) => {
    const block = one(pool);
    block.transfer();
    return () => pool.free(block);
  }],
  ["free of a buffer that was posted away", "foreign-block", FOREIGN, (pool) => {
    const block = one(pool);
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(block, [block]);
    port1.close();
    port2.close();
    return () => pool.free(block);
  }],
  ["free of a view on a buffer that was transferred away", "foreign-block", FOREIGN_VIEW, (pool) => {
    const view = new Uint8Array(one(pool));
    view.buffer.transfer();
    return () => pool.free(view);
  }],
  ["free of what the engine has copied to make it longer", "foreign-block", FOREIGN, (pool) => {
    const longer = one(pool).transfer(20);
    return () => pool.free(longer);
  }],
  ["free of what the engine has copied to make it shorter", "foreign-block", FOREIGN, (pool) => {
    const shorter = one(pool).transfer(5);
    return () => pool.free(shorter);
  }],
  ["free of what the engine has emptied", "foreign-block", FOREIGN, (pool) => {
    const emptied = one(pool).transfer(0);
    return () => pool.free(emptied);
  }],
  ["freeMany of a list with a foreign buffer in it", "foreign-block", FOREIGN, (pool) => {
    const blocks = [one(pool), new ArrayBuffer(10), one(pool)];
    return () => pool.freeMany(blocks);
  }],
  [
    "freeOffset inside of a block",
    "foreign-block",
    "Cannot free offset 8: no block of this pool starts there",
    (pool) => {
      one(pool);
      return () => pool.freeOffset(8);
    },
  ],
  [
    "freeOffset past the end",
    "foreign-block",
    "Cannot free offset 4096: no block of this pool starts there",
    (pool) => () => pool.freeOffset(pool.size),
  ],
];

const NO_BLOCK = "Cannot free: block must be an ArrayBuffer or a view on one, got ";

export const NO_BLOCKS: readonly Misuse[] = [
  ["free of the null of an exhausted pool", "TypeError", `${NO_BLOCK}null`, (pool) => {
    const block = pool.alloc(pool.size + 1);
    return () => untyped(pool).free!(block);
  }],
  ["free of an offset", "TypeError", `${NO_BLOCK}0`, (pool) => {
    const offset = pool.allocOffset(10);
    return () => untyped(pool).free!(offset);
  }],
  ["free of shared memory", "TypeError", `${NO_BLOCK}an object (SharedArrayBuffer)`, (pool) => {
    return () => untyped(pool).free!(new SharedArrayBuffer(64));
  }],
  ["free of an array of blocks", "TypeError", `${NO_BLOCK}an object (Array)`, (pool) => {
    const blocks = present(pool.allocMany(2, 10));
    return () => untyped(pool).free!(blocks);
  }],
  ["free without an argument", "TypeError", `${NO_BLOCK}undefined`, (pool) => () => untyped(pool).free!()],
  [
    "freeOffset of the -1 of an exhausted pool",
    "RangeError",
    "Cannot free: offset must be a whole number from 0 up, got -1",
    (pool) => {
      const offset = pool.allocOffset(pool.size + 1);
      return () => pool.freeOffset(offset);
    },
  ],
  [
    "freeOffset of a buffer",
    "TypeError",
    "Cannot free: offset must be a number, got an object (ArrayBuffer)",
    (pool) => {
      const block = one(pool);
      return () => untyped(pool).freeOffset!(block);
    },
  ],
  [
    "freeMany of a block that is in no list",
    "TypeError",
    "Cannot free: blocks must be an iterable of blocks, got an object (ArrayBuffer)",
    (pool) => {
      const block = one(pool);
      return () => untyped(pool).freeMany!(block);
    },
  ],
  ["freeMany of a view that is in no list", "TypeError", `${NO_BLOCK}7`, (pool) => {
    const view = new Uint8Array(one(pool)).fill(7);
    return () => untyped(pool).freeMany!(view);
  }],
  [
    "freeMany of the null of an allocMany that was too many",
    "TypeError",
    "Cannot free: blocks must be an iterable of blocks, got null",
    (pool) => {
      const blocks = pool.allocMany(65, 64);
      return () => untyped(pool).freeMany!(blocks);
    },
  ],
  ["freeMany of a list with a null in it", "TypeError", `${NO_BLOCK}null`, (pool) => {
    const blocks = [10, 5000, 10].map((bytes) => pool.alloc(bytes));
    return () => untyped(pool).freeMany!(blocks);
  }],
];
