/**
 * Misuse of free, freeMany and freeOffset. With `onMisuse: "warn"`, double frees and foreign blocks print a warning; an
 * argument that cannot be a block still throws.
 */

import { assertEquals } from "@std/assert";
import { allocBlock, allocRun, type Misuse, MOVED, untyped } from "./_misuse.ts";
import { makePool, present } from "../support/pool.ts";

const FREE_AT_0 = "Cannot free block at offset 0: it is already free";
const FREE_AT_64 = "Cannot free block at offset 64: it is already free";
const FREE_AT_128 = "Cannot free block at offset 128: it is already free";
const FOREIGN = "Cannot free an object (ArrayBuffer): it is not a block of this pool";
const INSIDE_AT_64 = "Cannot free offset 64: it lies inside the block that starts at offset 0";
const MOVED_BUFFER = `Cannot free an object (ArrayBuffer): ${MOVED}`;
const MOVED_VIEW = `Cannot free an object (Uint8Array): ${MOVED}`;
const FOREIGN_VIEW = "Cannot free an object (Uint8Array): it is not a block of this pool";

export const DOUBLE_FREES: readonly Misuse[] = [
  ["freeing a block twice", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    pool.free(block);
    return () => pool.free(block);
  }],
  ["freeing a view on a free block", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    const view = new Uint8Array(block);
    pool.free(block);
    return () => pool.free(view);
  }],
  ["freeing a block after a view on a part of it was freed", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    pool.free(new Uint8Array(block).subarray(2, 4));
    return () => pool.free(block);
  }],
  ["freeing a second view on a block", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    const views = [new Uint8Array(block), new DataView(block, 8)] as const;
    pool.free(views[0]);
    return () => pool.free(views[1]);
  }],
  ["calling freeOffset after free", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    const offset = pool.offsetOf(block);
    pool.free(block);
    return () => pool.freeOffset(offset);
  }],
  ["calling freeOffset twice", "double-free", FREE_AT_0, (pool) => {
    const offset = pool.allocOffset(10);
    pool.freeOffset(offset);
    return () => pool.freeOffset(offset);
  }],
  ["calling free after freeOffset", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    pool.freeOffset(0);
    return () => pool.free(block);
  }],
  ["calling free after freeMany", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    pool.freeMany([block, allocBlock(pool)]);
    return () => pool.free(block);
  }],
  ["calling freeMany after free", "double-free", FREE_AT_64, (pool) => {
    const blocks = [allocBlock(pool), allocBlock(pool)] as const;
    pool.free(blocks[1]);
    return () => pool.freeMany(blocks);
  }],
  ["calling freeMany twice with the same blocks", "double-free", FREE_AT_0, (pool) => {
    const blocks = present(pool.allocMany(3, 10));
    pool.freeMany(blocks);
    return () => pool.freeMany(blocks);
  }],
  ["calling freeMany with a block that is listed twice", "double-free", FREE_AT_64, (pool) => {
    const [a, b] = [allocBlock(pool), allocBlock(pool)];
    return () => pool.freeMany([b, a, b]);
  }],
  ["calling freeMany with a block and a view on it", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    return () => pool.freeMany([block, new Uint8Array(block)]);
  }],
  ["freeing a run twice", "double-free", FREE_AT_0, (pool) => {
    const block = allocRun(pool);
    pool.free(block);
    return () => pool.free(block);
  }],
  [
    "freeing a run twice after it was joined with its neighbours",
    "double-free",
    "Cannot free block at offset 192: it is already free",
    (pool) => {
      const blocks = [allocRun(pool), allocRun(pool), allocRun(pool)] as const;
      for (const block of blocks) pool.free(block);
      return () => pool.free(blocks[1]);
    },
  ],
  ["freeing the first of three joined blocks twice", "double-free", FREE_AT_0, (pool) => {
    const blocks = [allocBlock(pool), allocBlock(pool), allocBlock(pool)] as const;
    for (const block of blocks) pool.free(block);
    return () => pool.free(blocks[0]);
  }],
  ["freeing the last of three joined blocks twice", "double-free", FREE_AT_128, (pool) => {
    const blocks = [allocBlock(pool), allocBlock(pool), allocBlock(pool)] as const;
    for (const block of blocks) pool.free(block);
    return () => pool.free(blocks[2]);
  }],
  ["freeing the old buffer after realloc moved the block", "double-free", FREE_AT_0, (pool) => {
    const block = allocBlock(pool);
    allocBlock(pool);
    pool.realloc(block, 1000);
    return () => pool.free(block);
  }],
  ["freeing a transferred block twice", "double-free", FREE_AT_0, (pool) => {
    const moved = allocBlock(pool).transfer();
    pool.free(moved);
    return () => pool.free(moved);
  }],
  [
    "calling freeOffset where no block was ever allocated",
    "double-free",
    FREE_AT_64,
    (pool) => () => pool.freeOffset(64),
  ],
  ["calling freeOffset with a block that realloc cut off", "double-free", FREE_AT_64, (pool) => {
    pool.realloc(allocRun(pool), 10);
    return () => pool.freeOffset(64);
  }],
];

export const FOREIGN_BLOCKS: readonly Misuse[] = [
  ["freeing an ordinary ArrayBuffer", "foreign-block", FOREIGN, (pool) => () => pool.free(new ArrayBuffer(64))],
  ["freeing an ordinary typed array", "foreign-block", FOREIGN_VIEW, (pool) => () => pool.free(new Uint8Array(64))],
  ["freeing a view on a SharedArrayBuffer", "foreign-block", FOREIGN_VIEW, (pool) => {
    return () => pool.free(new Uint8Array(new SharedArrayBuffer(64)));
  }],
  ["freeing a block of another pool", "foreign-block", FOREIGN, (pool) => {
    const other = makePool();
    const block = allocBlock(other);
    return () => {
      using _ = other;
      pool.free(block);
    };
  }],
  ["freeing a block of a destroyed pool", "foreign-block", FOREIGN, (pool) => {
    const other = makePool();
    const block = allocBlock(other);
    other.destroy();
    return () => pool.free(block);
  }],
  ["freeing pool.buffer", "foreign-block", FOREIGN, (pool) => {
    allocBlock(pool);
    return () => pool.free(pool.buffer);
  }],
  ["freeing a view on pool.buffer over a block", "foreign-block", FOREIGN_VIEW, (pool) => {
    const offset = pool.allocOffset(10);
    return () => pool.free(new Uint8Array(pool.buffer, offset, 10));
  }],
  ["freeing pool.buffer while one block fills the pool", "foreign-block", FOREIGN, (pool) => {
    present(pool.alloc(pool.size));
    return () => pool.free(pool.buffer);
  }],
  ["freeing a view on pool.buffer while one block fills the pool", "foreign-block", FOREIGN_VIEW, (pool) => {
    present(pool.alloc(pool.size));
    return () => pool.free(new Uint8Array(pool.buffer, 0, 64));
  }],
  ["freeing pool.buffer after it was transferred", "foreign-block", FOREIGN, (pool) => {
    present(pool.alloc(100));
    const moved = pool.buffer.transfer();
    return () => pool.free(moved);
  }],
  [
    "freeing a transferred buffer whose block was allocated again with another length",
    "foreign-block",
    FOREIGN,
    (pool) => {
      const moved = present(pool.alloc(100)).transfer();
      pool.freeOffset(0);
      assertEquals(pool.allocOffset(90), 0);
      return () => pool.free(moved);
    },
  ],
  ["freeing a copy of a block", "foreign-block", FOREIGN, (pool) => {
    const copy = structuredClone(allocBlock(pool));
    return () => pool.free(copy);
  }],
  ["freeing a slice of a block", "foreign-block", FOREIGN, (pool) => {
    const slice = allocBlock(pool).slice();
    return () => pool.free(slice);
  }],
  ["freeing a buffer after it was transferred", "foreign-block", MOVED_BUFFER, (pool) => {
    const block = allocBlock(pool);
    block.transfer();
    return () => pool.free(block);
  }],
  ["freeing a buffer after it was posted with a transfer list", "foreign-block", MOVED_BUFFER, (pool) => {
    const block = allocBlock(pool);
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(block, [block]);
    port1.close();
    port2.close();
    return () => pool.free(block);
  }],
  ["freeing a view after its buffer was transferred", "foreign-block", MOVED_VIEW, (pool) => {
    const view = new Uint8Array(allocBlock(pool));
    view.buffer.transfer();
    return () => pool.free(view);
  }],
  ["freeing a longer buffer that the engine copied a block to", "foreign-block", FOREIGN, (pool) => {
    const longer = allocBlock(pool).transfer(20);
    return () => pool.free(longer);
  }],
  ["freeing a shorter buffer that the engine copied a block to", "foreign-block", FOREIGN, (pool) => {
    const shorter = allocBlock(pool).transfer(5);
    return () => pool.free(shorter);
  }],
  ["freeing an empty buffer that the engine transferred a block to", "foreign-block", FOREIGN, (pool) => {
    const emptied = allocBlock(pool).transfer(0);
    return () => pool.free(emptied);
  }],
  ["calling freeMany with a foreign buffer among the blocks", "foreign-block", FOREIGN, (pool) => {
    const blocks = [allocBlock(pool), new ArrayBuffer(10), allocBlock(pool)];
    return () => pool.freeMany(blocks);
  }],
  ["calling freeOffset with the middle block of a run", "foreign-block", INSIDE_AT_64, (pool) => {
    allocRun(pool);
    return () => pool.freeOffset(64);
  }],
  [
    "calling freeOffset with the last block of a run",
    "foreign-block",
    "Cannot free offset 128: it lies inside the block that starts at offset 0",
    (pool) => {
      allocRun(pool);
      return () => pool.freeOffset(128);
    },
  ],
  [
    "calling freeOffset with an offset inside a block",
    "foreign-block",
    "Cannot free offset 8: no block of this pool starts there",
    (pool) => {
      allocBlock(pool);
      return () => pool.freeOffset(8);
    },
  ],
  [
    "calling freeOffset with an offset past the end",
    "foreign-block",
    "Cannot free offset 4096: no block of this pool starts there",
    (pool) => () => pool.freeOffset(pool.size),
  ],
];

const NOT_A_BLOCK = "Cannot free: block must be an ArrayBuffer or a view on one, got ";

export const NOT_BLOCKS: readonly Misuse[] = [
  ["freeing the null that alloc returned", "TypeError", `${NOT_A_BLOCK}null`, (pool) => {
    const block = pool.alloc(pool.size + 1);
    return () => untyped(pool).free!(block);
  }],
  ["freeing an offset", "TypeError", `${NOT_A_BLOCK}0`, (pool) => {
    const offset = pool.allocOffset(10);
    return () => untyped(pool).free!(offset);
  }],
  ["freeing a SharedArrayBuffer", "TypeError", `${NOT_A_BLOCK}an object (SharedArrayBuffer)`, (pool) => {
    return () => untyped(pool).free!(new SharedArrayBuffer(64));
  }],
  ["freeing an array of blocks", "TypeError", `${NOT_A_BLOCK}an object (Array)`, (pool) => {
    const blocks = present(pool.allocMany(2, 10));
    return () => untyped(pool).free!(blocks);
  }],
  ["calling free without an argument", "TypeError", `${NOT_A_BLOCK}undefined`, (pool) => () => untyped(pool).free!()],
  [
    "calling freeOffset with the -1 that allocOffset returned",
    "RangeError",
    "Cannot free: offset must be a whole number from 0 up, got -1",
    (pool) => {
      const offset = pool.allocOffset(pool.size + 1);
      return () => pool.freeOffset(offset);
    },
  ],
  [
    "calling freeOffset with a buffer",
    "TypeError",
    "Cannot free: offset must be a number, got an object (ArrayBuffer)",
    (pool) => {
      const block = allocBlock(pool);
      return () => untyped(pool).freeOffset!(block);
    },
  ],
  [
    "calling freeMany with a block instead of a list",
    "TypeError",
    "Cannot free: blocks must be an iterable of blocks, got an object (ArrayBuffer)",
    (pool) => {
      const block = allocBlock(pool);
      return () => untyped(pool).freeMany!(block);
    },
  ],
  ["calling freeMany with a view instead of a list", "TypeError", `${NOT_A_BLOCK}7`, (pool) => {
    const view = new Uint8Array(allocBlock(pool)).fill(7);
    return () => untyped(pool).freeMany!(view);
  }],
  [
    "calling freeMany with the null that allocMany returned",
    "TypeError",
    "Cannot free: blocks must be an iterable of blocks, got null",
    (pool) => {
      const blocks = pool.allocMany(65, 64);
      return () => untyped(pool).freeMany!(blocks);
    },
  ],
  ["calling freeMany with a null among the blocks", "TypeError", `${NOT_A_BLOCK}null`, (pool) => {
    const blocks = [10, 5000, 10].map((bytes) => pool.alloc(bytes));
    return () => untyped(pool).freeMany!(blocks);
  }],
];
