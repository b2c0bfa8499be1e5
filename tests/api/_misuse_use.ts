/** Misuse of the other operations: of blocks that are not allocated, and of numbers that are none. */

import type { MemPool } from "mempool";
import { type Misuse, one, run, untyped } from "./_misuse.ts";
import { makePool } from "../support/pool.ts";

const FOREIGN = "an object (ArrayBuffer): it is not a block of this pool";

export const USES: readonly Misuse[] = [
  ["realloc after free", "double-free", "Cannot reallocate block at offset 0: it is already free", (pool) => {
    const block = one(pool);
    pool.free(block);
    return () => pool.realloc(block, 20);
  }],
  [
    "realloc of the buffer that realloc has moved away from",
    "double-free",
    "Cannot reallocate block at offset 0: it is already free",
    (pool) => {
      const block = one(pool);
      one(pool);
      pool.realloc(block, 1000);
      return () => pool.realloc(block, 2000);
    },
  ],
  ["reallocOffset after free", "double-free", "Cannot reallocate block at offset 0: it is already free", (pool) => {
    pool.free(one(pool));
    return () => pool.reallocOffset(0, 20);
  }],
  [
    "reallocOffset of the middle block of a run",
    "double-free",
    "Cannot reallocate block at offset 64: it is already free",
    (pool) => {
      run(pool);
      return () => pool.reallocOffset(64, 20);
    },
  ],
  [
    "reallocOffset inside of a block",
    "foreign-block",
    "Cannot reallocate offset 10: no block of this pool starts there",
    (pool) => {
      one(pool);
      return () => pool.reallocOffset(10, 20);
    },
  ],
  ["realloc of a buffer of the system's", "foreign-block", `Cannot reallocate ${FOREIGN}`, (pool) => {
    return () => pool.realloc(new ArrayBuffer(10), 20);
  }],
  ["realloc of another pool's block", "foreign-block", `Cannot reallocate ${FOREIGN}`, (pool) => {
    const other = makePool();
    const block = one(other);
    return () => {
      using _ = other;
      pool.realloc(block, 20);
    };
  }],
  [
    "realloc of the null of an exhausted pool",
    "TypeError",
    "Cannot reallocate: block must be an ArrayBuffer or a view on one, got null",
    (pool) => {
      const block = pool.alloc(5000);
      return () => pool.realloc(block!, 20);
    },
  ],
  [
    "realloc to nothing, which frees in C",
    "RangeError",
    "Cannot reallocate: numBytes must be a whole number from 1 up, got 0",
    (pool) => {
      const block = one(pool);
      return () => pool.realloc(block, 0);
    },
  ],
  ["at after free", "double-free", "Cannot look at block at offset 0: it is already free", (pool) => {
    pool.free(one(pool));
    return () => pool.at(0);
  }],
  [
    "at of the middle block of a run",
    "double-free",
    "Cannot look at block at offset 64: it is already free",
    (pool) => {
      run(pool);
      return () => pool.at(64);
    },
  ],
  ["at inside of a block", "foreign-block", "Cannot look at offset 1: no block of this pool starts there", (pool) => {
    one(pool);
    return () => pool.at(1);
  }],
  [
    "at of the -1 of an exhausted pool",
    "RangeError",
    "Cannot look at: offset must be a whole number from 0 up, got -1",
    (pool) => {
      const offset = pool.callocOffset(5000, 1);
      return () => pool.at(offset);
    },
  ],
  ["offsetOf after free", "double-free", "Cannot locate block at offset 0: it is already free", (pool) => {
    const block = one(pool);
    pool.free(block);
    return () => pool.offsetOf(block);
  }],
  ["offsetOf of a buffer that was transferred away", "foreign-block", `Cannot locate ${FOREIGN}`, (pool) => {
    const block = one(pool);
    block.transfer();
    return () => pool.offsetOf(block);
  }],
  ["offsetOf of pool.buffer", "foreign-block", `Cannot locate ${FOREIGN}`, (pool) => {
    one(pool);
    return () => pool.offsetOf(pool.buffer);
  }],
  [
    "offsetOf of an offset",
    "TypeError",
    "Cannot locate: block must be an ArrayBuffer or a view on one, got 0",
    (pool) => {
      const offset = pool.allocOffset(10);
      return () => untyped(pool).offsetOf!(offset);
    },
  ],
  [
    "owns of an offset",
    "TypeError",
    "Cannot check ownership: block must be an ArrayBuffer or a view on one, got 64",
    (pool) => () => untyped(pool).owns!(64),
  ],
];

/** A misuse that needs no more than an argument. */
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
  argument("alloc of nothing", "RangeError", `numBytes ${WHOLE} 0`, (pool) => pool.alloc(0)),
  argument("alloc of less than nothing", "RangeError", `numBytes ${WHOLE} -1`, (pool) => pool.alloc(-1)),
  argument("alloc of half a byte more", "RangeError", `numBytes ${WHOLE} 10.5`, (pool) => pool.alloc(10.5)),
  argument("alloc of what became NaN", "RangeError", `numBytes ${WHOLE} NaN`, (pool) => pool.alloc(10 * Number("ten"))),
  argument("alloc of Infinity", "RangeError", `numBytes ${WHOLE} Infinity`, (pool) => pool.alloc(10 / 0)),
  argument(
    "alloc of a string",
    "TypeError",
    'numBytes must be a number, got "10"',
    (pool) => untyped(pool).alloc!("10"),
  ),
  argument("alloc of a bigint", "TypeError", "numBytes must be a number, got 10n", (pool) => untyped(pool).alloc!(10n)),
  argument(
    "alloc without an argument",
    "TypeError",
    "numBytes must be a number, got undefined",
    (pool) => untyped(pool).alloc!(),
  ),
  argument("calloc of no members", "RangeError", `numMembers ${WHOLE} 0`, (pool) => pool.calloc(0, 8)),
  argument("calloc of members of no size", "RangeError", `size ${WHOLE} 0`, (pool) => pool.calloc(8, 0)),
  argument(
    "calloc without the size",
    "TypeError",
    "size must be a number, got undefined",
    (pool) => untyped(pool).calloc!(80),
  ),
  argument(
    "calloc of a product that wraps around in C",
    "RangeError",
    "numMembers * size must not exceed 2^53, got 4294967296 * 4294967296",
    (pool) => pool.calloc(2 ** 32, 2 ** 32),
  ),
  argument(
    "callocOffset of a product that is no exact number",
    "RangeError",
    "numMembers * size must not exceed 2^53, got 94906267 * 94906267",
    (pool) => pool.callocOffset(94_906_267, 94_906_267),
  ),
  argument("allocOffset of nothing", "RangeError", `numBytes ${WHOLE} 0`, (pool) => pool.allocOffset(0)),
  argument(
    "allocMany of less than none",
    "RangeError",
    "count must be a whole number from 0 up, got -1",
    (pool) => pool.allocMany(-1, 10),
  ),
  argument("allocMany of empty blocks", "RangeError", `numBytes ${WHOLE} 0`, (pool) => pool.allocMany(3, 0)),
  argument(
    "allocMany without a size",
    "TypeError",
    "numBytes must be a number, got undefined",
    (pool) => untyped(pool).allocMany!(3),
  ),
];
