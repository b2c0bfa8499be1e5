/** Iterables that change the pool, throw, or never end while freeMany reads them, and the expected outcome of the call. */

import type { Block, MemPool } from "mempool";
import { destroyQuietly, present } from "../support/pool.ts";
import type { Expectation } from "./_argument_table.ts";
import { THROWN_BY_VALUE } from "./_argument_values.ts";

/** The pool of a case and its allocated blocks: two neighbours of one block each, and a run of three. */
export interface Allocated {
  readonly pool: MemPool;
  readonly a: ArrayBuffer;
  readonly b: ArrayBuffer;
  readonly run: ArrayBuffer;
}

interface Outcome {
  readonly expected: Expectation | "closed";
  /** The message of the error that the library throws. */
  readonly message?: string;
  /** How many allocations exist after the call. */
  readonly left: number;
}

interface IterableCase extends Outcome {
  /** What the iterable does. */
  readonly name: string;
  /** The outcome in a checked pool, where it differs. */
  readonly checked?: Outcome;
  iterable(allocated: Allocated): Iterable<Block>;
}

const A_IS_FREE = "Cannot free block at offset 0: it is already free";
const B_IS_FREE = "Cannot free block at offset 64: it is already free";
const MOVED = "Cannot free an object (ArrayBuffer): it was moved or freed elsewhere, the buffer is detached";
const FOREIGN = "Cannot free an object (ArrayBuffer): it is not a block of this pool";

function isAllocatedAt(pool: MemPool, offset: number): boolean {
  return Array.from(pool.blocks()).some((run) => run.offset === offset && run.state === "allocated");
}

export const ITERABLES: readonly IterableCase[] = [
  {
    name: "throws before its first block",
    expected: "thrown",
    left: 3,
    iterable: () => ({
      [Symbol.iterator]() {
        throw THROWN_BY_VALUE;
      },
    }),
  },
  {
    name: "throws after its first block",
    expected: "thrown",
    left: 3,
    *iterable({ a }) {
      yield a;
      throw THROWN_BY_VALUE;
    },
  },
  {
    name: "throws after its last block",
    expected: "thrown",
    left: 3,
    *iterable({ a, b, run }) {
      yield* [a, b, run];
      throw THROWN_BY_VALUE;
    },
  },
  {
    name: "has a block for the next method",
    expected: "engine",
    left: 3,
    iterable: ({ a }) => ({ [Symbol.iterator]: () => ({ next: a }) }) as unknown as Iterable<Block>,
  },
  {
    name: "returns numbers as results",
    expected: "engine",
    left: 3,
    iterable: () => ({ [Symbol.iterator]: () => ({ next: () => 64 }) }) as unknown as Iterable<Block>,
  },
  {
    name: "throws when the value of a result is read",
    expected: "thrown",
    left: 3,
    iterable: () => ({
      [Symbol.iterator]: () => ({
        next: () => ({
          done: false,
          get value(): never {
            throw THROWN_BY_VALUE;
          },
        }),
      }),
    }),
  },
  {
    name: "yields a block and then a number",
    expected: "Type",
    message: "Cannot free: block must be an ArrayBuffer or a view on one, got 64",
    left: 3,
    *iterable({ a }) {
      yield a;
      yield 64 as unknown as Block;
    },
  },
  {
    name: "frees a block before it yields the block",
    expected: "double",
    message: B_IS_FREE,
    left: 2,
    *iterable({ pool, a, b }) {
      yield a;
      pool.free(b);
      yield b;
    },
  },
  {
    name: "frees a block after it yielded the block",
    expected: "double",
    message: A_IS_FREE,
    left: 2,
    *iterable({ pool, a, b }) {
      yield a;
      pool.free(a);
      yield b;
    },
  },
  {
    name: "calls freeMany itself with every block",
    expected: "double",
    message: A_IS_FREE,
    left: 0,
    *iterable({ pool, a, b, run }) {
      pool.freeMany([run, b, a]);
      yield* [a, b, run];
    },
  },
  {
    name: "reallocates a block after it yielded the block",
    expected: "double",
    message: B_IS_FREE,
    left: 3,
    *iterable({ pool, a, b }) {
      yield* [a, b];
      // With its neighbour taken, the block has to move.
      const fillers: ArrayBuffer[] = [];
      while (!isAllocatedAt(pool, pool.offsetOf(b) + 64)) fillers.push(pool.alloc(64)!);
      pool.realloc(b, 65);
      pool.freeMany(fillers);
    },
  },
  {
    name: "transfers a block after it yielded the block",
    expected: "moved",
    message: MOVED,
    left: 3,
    *iterable({ a, b }) {
      yield* [a, b];
      b.transfer();
    },
  },
  {
    name: "frees a block that it yielded and allocates the block again",
    expected: "ok",
    left: 2,
    checked: { expected: "double", message: A_IS_FREE, left: 3 },
    *iterable({ pool, a }) {
      yield a;
      pool.free(a);
      pool.alloc(1);
    },
  },
  {
    name: "allocates the blocks that it yields",
    expected: "ok",
    left: 3,
    *iterable({ pool }) {
      for (let bytes = 1; bytes < 300; bytes += 50) yield new Uint8Array(present(pool.alloc(bytes)));
    },
  },
  {
    name: "yields one block for ever",
    expected: "double",
    message: A_IS_FREE,
    left: 3,
    *iterable({ a }) {
      for (;;) yield a;
    },
  },
  {
    name: "yields foreign buffers for ever",
    expected: "foreign",
    message: FOREIGN,
    left: 3,
    *iterable({ a }) {
      yield a;
      for (;;) yield new ArrayBuffer(8);
    },
  },
  {
    name: "throws when freeMany stops reading",
    expected: "thrown",
    left: 3,
    iterable: ({ a }) => ({
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: a }),
        return: () => {
          throw THROWN_BY_VALUE;
        },
      }),
    }),
  },
  {
    name: "closes the pool after it yielded a block",
    expected: "closed",
    message: "Cannot free: this pool object is closed",
    left: 3,
    *iterable({ pool, a }) {
      yield a;
      pool.close();
    },
  },
  {
    name: "destroys the pool after it yielded a block",
    expected: "destroyed",
    message: "Cannot free: the pool is destroyed",
    left: 0,
    *iterable({ pool, a }) {
      yield a;
      destroyQuietly(pool);
    },
  },
  {
    name: "closes the pool before it yields a block",
    expected: "closed",
    message: "Cannot free: this pool object is closed",
    left: 3,
    *iterable({ pool, a }) {
      pool.close();
      yield a;
    },
  },
  {
    name: "destroys the pool before it yields a block",
    expected: "destroyed",
    message: "Cannot free: the pool is destroyed",
    left: 0,
    *iterable({ pool, a }) {
      destroyQuietly(pool);
      yield a;
    },
  },
];
