/** Misuse of the other operations: blocks that are not allocated, and wrong numbers. */

import type { MemPool } from "mempool";
import { allocBlock, allocRun, type Misuse, MOVED, untyped } from "./_misuse.ts";
import { makePool } from "../support/pool.ts";

const MOVED_BUFFER = `Cannot locate an object (ArrayBuffer): ${MOVED}`;
const FOREIGN = "an object (ArrayBuffer): it is not a block of this pool";

export const USES: readonly Misuse[] = [
  ["calling realloc after free", "double-free", "Cannot reallocate block at offset 0: it is already free", (pool) => {
    const block = allocBlock(pool);
    pool.free(block);
    return () => pool.realloc(block, 20);
  }],
  [
    "calling realloc with the old buffer after realloc moved the block",
    "double-free",
    "Cannot reallocate block at offset 0: it is already free",
    (pool) => {
      const block = allocBlock(pool);
      allocBlock(pool);
      pool.realloc(block, 1000);
      return () => pool.realloc(block, 2000);
    },
  ],
  [
    "calling reallocOffset after free",
    "double-free",
    "Cannot reallocate block at offset 0: it is already free",
    (pool) => {
      pool.free(allocBlock(pool));
      return () => pool.reallocOffset(0, 20);
    },
  ],
  [
    "calling reallocOffset with the middle block of a run",
    "foreign-block",
    "Cannot reallocate offset 64: it lies inside the block that starts at offset 0",
    (pool) => {
      allocRun(pool);
      return () => pool.reallocOffset(64, 20);
    },
  ],
  [
    "calling reallocOffset with an offset inside a block",
    "foreign-block",
    "Cannot reallocate offset 10: no block of this pool starts there",
    (pool) => {
      allocBlock(pool);
      return () => pool.reallocOffset(10, 20);
    },
  ],
  ["calling realloc with an ordinary ArrayBuffer", "foreign-block", `Cannot reallocate ${FOREIGN}`, (pool) => {
    return () => pool.realloc(new ArrayBuffer(10), 20);
  }],
  ["calling realloc with a block of another pool", "foreign-block", `Cannot reallocate ${FOREIGN}`, (pool) => {
    const other = makePool();
    const block = allocBlock(other);
    return () => {
      using _ = other;
      pool.realloc(block, 20);
    };
  }],
  [
    "calling realloc with the null that alloc returned",
    "TypeError",
    "Cannot reallocate: block must be an ArrayBuffer or a view on one, got null",
    (pool) => {
      const block = pool.alloc(5000);
      return () => pool.realloc(block!, 20);
    },
  ],
  [
    "calling realloc with a length of 0, which frees the block in C",
    "RangeError",
    "Cannot reallocate: numBytes must be a whole number from 1 up, got 0",
    (pool) => {
      const block = allocBlock(pool);
      return () => pool.realloc(block, 0);
    },
  ],
  ["calling at after free", "double-free", "Cannot look at block at offset 0: it is already free", (pool) => {
    pool.free(allocBlock(pool));
    return () => pool.at(0);
  }],
  [
    "calling at with the middle block of a run",
    "foreign-block",
    "Cannot look at offset 64: it lies inside the block that starts at offset 0",
    (pool) => {
      allocRun(pool);
      return () => pool.at(64);
    },
  ],
  [
    "calling at with an offset inside a block",
    "foreign-block",
    "Cannot look at offset 1: no block of this pool starts there",
    (pool) => {
      allocBlock(pool);
      return () => pool.at(1);
    },
  ],
  [
    "calling at with the -1 that callocOffset returned",
    "RangeError",
    "Cannot look at: offset must be a whole number from 0 up, got -1",
    (pool) => {
      const offset = pool.callocOffset(5000, 1);
      return () => pool.at(offset);
    },
  ],
  ["calling offsetOf after free", "double-free", "Cannot locate block at offset 0: it is already free", (pool) => {
    const block = allocBlock(pool);
    pool.free(block);
    return () => pool.offsetOf(block);
  }],
  ["calling offsetOf with a buffer after it was transferred", "foreign-block", MOVED_BUFFER, (pool) => {
    const block = allocBlock(pool);
    block.transfer();
    return () => pool.offsetOf(block);
  }],
  ["calling offsetOf with pool.buffer", "foreign-block", `Cannot locate ${FOREIGN}`, (pool) => {
    allocBlock(pool);
    return () => pool.offsetOf(pool.buffer);
  }],
  [
    "calling offsetOf with an offset",
    "TypeError",
    "Cannot locate: block must be an ArrayBuffer or a view on one, got 0",
    (pool) => {
      const offset = pool.allocOffset(10);
      return () => untyped(pool).offsetOf!(offset);
    },
  ],
  [
    "calling owns with an offset",
    "TypeError",
    "Cannot check ownership: block must be an ArrayBuffer or a view on one, got 64",
    (pool) => () => untyped(pool).owns!(64),
  ],
];

/** A call with a wrong argument. */
function argument(
  call: string,
  kind: "TypeError" | "RangeError",
  why: string,
  act: (pool: MemPool) => unknown,
): Misuse {
  return [call, kind, `Cannot allocate: ${why}`, (pool) => () => act(pool)];
}

const WHOLE = "must be a whole number from 1 up, got";

export const NUMBERS: readonly Misuse[] = [
  argument("calling alloc with 0", "RangeError", `numBytes ${WHOLE} 0`, (pool) => pool.alloc(0)),
  argument("calling alloc with a negative length", "RangeError", `numBytes ${WHOLE} -1`, (pool) => pool.alloc(-1)),
  argument("calling alloc with a fraction", "RangeError", `numBytes ${WHOLE} 10.5`, (pool) => pool.alloc(10.5)),
  argument("calling alloc with NaN", "RangeError", `numBytes ${WHOLE} NaN`, (pool) => pool.alloc(10 * Number("ten"))),
  argument("calling alloc with Infinity", "RangeError", `numBytes ${WHOLE} Infinity`, (pool) => pool.alloc(10 / 0)),
  argument(
    "calling alloc with a string",
    "TypeError",
    'numBytes must be a number, got "10"',
    (pool) => untyped(pool).alloc!("10"),
  ),
  argument(
    "calling alloc with a bigint",
    "TypeError",
    "numBytes must be a number, got 10n",
    (pool) => untyped(pool).alloc!(10n),
  ),
  argument(
    "calling alloc without an argument",
    "TypeError",
    "numBytes must be a number, got undefined",
    (pool) => untyped(pool).alloc!(),
  ),
  argument("calling calloc with no members", "RangeError", `numMembers ${WHOLE} 0`, (pool) => pool.calloc(0, 8)),
  argument("calling calloc with members of size 0", "RangeError", `size ${WHOLE} 0`, (pool) => pool.calloc(8, 0)),
  argument(
    "calling calloc without the size",
    "TypeError",
    "size must be a number, got undefined",
    (pool) => untyped(pool).calloc!(80),
  ),
  argument(
    "calling calloc with a product that wraps around in C",
    "RangeError",
    "numMembers * size must not exceed 2^53, got 4294967296 * 4294967296",
    (pool) => pool.calloc(2 ** 32, 2 ** 32),
  ),
  argument(
    "calling callocOffset with a product that is not an exact number",
    "RangeError",
    "numMembers * size must not exceed 2^53, got 94906267 * 94906267",
    (pool) => pool.callocOffset(94_906_267, 94_906_267),
  ),
  argument("calling allocOffset with 0", "RangeError", `numBytes ${WHOLE} 0`, (pool) => pool.allocOffset(0)),
  argument(
    "calling allocMany with a negative count",
    "RangeError",
    "count must be a whole number from 0 up, got -1",
    (pool) => pool.allocMany(-1, 10),
  ),
  argument("calling allocMany with a length of 0", "RangeError", `numBytes ${WHOLE} 0`, (pool) => pool.allocMany(3, 0)),
  argument(
    "calling allocMany without a length",
    "TypeError",
    "numBytes must be a number, got undefined",
    (pool) => untyped(pool).allocMany!(3),
  ),
];
