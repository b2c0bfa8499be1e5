/** Iterables for freeMany that do something else in the middle, and what is to become of the call. */

import type { Block, MemPool } from "mempool";
import type { Verdict } from "./_hostile_table.ts";
import { ON_PURPOSE } from "./_hostile_values.ts";
import { destroyQuietly, present } from "../support/pool.ts";

/** Two blocks that are neighbours, and a run of three. */
export interface Trio {
  readonly pool: MemPool;
  readonly a: ArrayBuffer;
  readonly b: ArrayBuffer;
  readonly run: ArrayBuffer;
}

interface Trick {
  readonly name: string;
  readonly verdict: Verdict | "closed";
  /** How many of the three are allocated afterwards, or what has come in their place. */
  readonly left: number;
  /** If that is another in a checked pool. */
  readonly checked?: { readonly verdict: Verdict; readonly left: number };
  trick(trio: Trio): Iterable<Block>;
}

export const TRICKS: readonly Trick[] = [
  {
    name: "throws before the first",
    verdict: "thrown",
    left: 3,
    trick: () => ({
      [Symbol.iterator]() {
        throw ON_PURPOSE;
      },
    }),
  },
  {
    name: "throws after the last",
    verdict: "thrown",
    left: 3,
    *trick({ a, b, run }) {
      yield* [a, b, run];
      throw ON_PURPOSE;
    },
  },
  {
    name: "is the next one's next",
    verdict: "engine",
    left: 3,
    trick: ({ a }) => ({ [Symbol.iterator]: () => ({ next: a }) }) as unknown as Iterable<Block>,
  },
  {
    name: "gives numbers for results",
    verdict: "engine",
    left: 3,
    trick: () => ({ [Symbol.iterator]: () => ({ next: () => 64 }) }) as unknown as Iterable<Block>,
  },
  {
    name: "throws when asked for a result's value",
    verdict: "thrown",
    left: 3,
    trick: () => ({
      [Symbol.iterator]: () => ({
        next: () => ({
          done: false,
          get value(): never {
            throw ON_PURPOSE;
          },
        }),
      }),
    }),
  },
  {
    name: "gives a block, then what is none",
    verdict: "Type",
    left: 3,
    *trick({ a }) {
      yield a;
      yield 64 as unknown as Block;
    },
  },
  {
    name: "frees one before it gives it",
    verdict: "double",
    left: 2,
    *trick({ pool, a, b }) {
      yield a;
      pool.free(b);
      yield b;
    },
  },
  {
    name: "frees one after it gave it",
    verdict: "double",
    left: 2,
    *trick({ pool, a, b }) {
      yield a;
      pool.free(a);
      yield b;
    },
  },
  {
    name: "frees all by a freeMany of its own",
    verdict: "double",
    left: 0,
    *trick({ pool, a, b, run }) {
      pool.freeMany([run, b, a]);
      yield* [a, b, run];
    },
  },
  {
    name: "lets realloc move one that it gave",
    verdict: "double",
    left: 3,
    *trick({ pool, a, b }) {
      yield* [a, b];
      pool.realloc(b, 65);
    },
  },
  {
    name: "moves one to another buffer after it gave it",
    verdict: "foreign",
    left: 3,
    *trick({ a, b }) {
      yield* [a, b];
      b.transfer();
    },
  },
  {
    name: "frees one and allocates it again",
    verdict: "ok",
    left: 2,
    checked: { verdict: "double", left: 3 },
    *trick({ pool, a }) {
      yield a;
      pool.free(a);
      pool.alloc(1);
    },
  },
  {
    name: "allocates what it gives",
    verdict: "ok",
    left: 3,
    *trick({ pool }) {
      for (let bytes = 1; bytes < 300; bytes += 50) yield new Uint8Array(present(pool.alloc(bytes)));
    },
  },
  {
    name: "gives one block for ever",
    verdict: "double",
    left: 3,
    *trick({ a }) {
      for (;;) yield a;
    },
  },
  {
    name: "gives foreign buffers for ever",
    verdict: "foreign",
    left: 3,
    *trick({ a }) {
      yield a;
      for (;;) yield new ArrayBuffer(8);
    },
  },
  {
    name: "throws when it is told that it is enough",
    verdict: "thrown",
    left: 3,
    trick: ({ a }) => ({
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: a }),
        return: () => {
          throw ON_PURPOSE;
        },
      }),
    }),
  },
  {
    name: "closes the pool",
    verdict: "closed",
    left: 3,
    *trick({ pool, a }) {
      yield a;
      pool.close();
    },
  },
  {
    name: "destroys the pool",
    verdict: "destroyed",
    left: 0,
    *trick({ pool, a }) {
      yield a;
      destroyQuietly(pool);
    },
  },
];
