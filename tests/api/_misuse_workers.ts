/** Misuse that takes two workers, in an order that is the same each time. */

import type { MemPool } from "mempool";
import { type Kind, type Message, one } from "./_misuse.ts";
import type { Order } from "./_misuse_worker.ts";
import { present } from "../support/pool.ts";

/** The other worker, which has attached the pool. What its calls print with console.warn is their result. */
export interface Hand {
  order(order: Order, transfer?: ArrayBuffer[]): Promise<unknown[][]>;
  /** A call of a method there. */
  call(method: string, ...args: unknown[]): Promise<unknown[][]>;
  /** The same, with the buffer that it was given as the first argument. */
  callWithKept(method: string, ...args: unknown[]): Promise<unknown[][]>;
}

/** As in `Misuse`. */
export type SharedMisuse = readonly [
  wrong: string,
  kind: Kind,
  message: Message,
  program: (pool: MemPool, hand: Hand) => Promise<() => unknown>,
];

const FREE_AT_0 = "Cannot free block at offset 0: it is already free";
const FOREIGN = "Cannot free an object (ArrayBuffer): it is not a block of this pool";

export const SHARED_FREES: readonly SharedMisuse[] = [
  ["free here, then freeOffset there", "double-free", FREE_AT_0, async (pool, hand) => {
    pool.free(one(pool));
    return () => hand.call("freeOffset", 0);
  }],
  ["freeOffset there, then free here", "double-free", FREE_AT_0, async (pool, hand) => {
    const block = one(pool);
    await hand.call("freeOffset", 0);
    return () => pool.free(block);
  }],
  ["freeOffset there, then freeMany here", "double-free", FREE_AT_0, async (pool, hand) => {
    const blocks = present(pool.allocMany(3, 100));
    await hand.call("freeOffset", 0);
    return () => pool.freeMany(blocks);
  }],
  ["free of a buffer that was posted there", "foreign-block", FOREIGN, async (pool, hand) => {
    const block = one(pool);
    await hand.order({ ask: "keep", what: block }, [block]);
    return () => pool.free(block);
  }],
  ["freeOffset here of what was posted there and freed", "double-free", FREE_AT_0, async (pool, hand) => {
    const block = one(pool);
    await hand.order({ ask: "keep", what: block }, [block]);
    await hand.callWithKept("free");
    return () => pool.freeOffset(0);
  }],
  ["free there, twice", "double-free", FREE_AT_0, async (pool, hand) => {
    const block = one(pool);
    await hand.order({ ask: "keep", what: block }, [block]);
    await hand.callWithKept("free");
    return () => hand.callWithKept("free");
  }],
  ["free there of a buffer that was posted without a transfer list", "foreign-block", FOREIGN, async (pool, hand) => {
    await hand.order({ ask: "keep", what: one(pool) });
    return () => hand.callWithKept("free");
  }],
  ["free here of a buffer that realloc there has moved away from", "double-free", FREE_AT_0, async (pool, hand) => {
    const block = one(pool);
    one(pool);
    await hand.call("reallocOffset", 0, 1000);
    return () => pool.free(block);
  }],
  ["free there of a buffer that realloc here has moved away from", "double-free", FREE_AT_0, async (pool, hand) => {
    const block = one(pool);
    one(pool);
    await hand.order({ ask: "keep", what: 0 });
    pool.realloc(block, 1000);
    return () => hand.callWithKept("free");
  }],
];

export const SHARED_USES: readonly SharedMisuse[] = [
  [
    "at there after free here",
    "double-free",
    "Cannot look at block at offset 0: it is already free",
    async (pool, hand) => {
      pool.free(one(pool));
      return () => hand.call("at", 0);
    },
  ],
  [
    "realloc there after free here",
    "double-free",
    "Cannot reallocate block at offset 0: it is already free",
    async (pool, hand) => {
      const block = one(pool);
      await hand.order({ ask: "keep", what: 0 });
      pool.free(block);
      return () => hand.callWithKept("realloc", 20);
    },
  ],
  ["alloc here after destroy there", "destroyed", "Cannot allocate: the pool is destroyed", async (pool, hand) => {
    await hand.call("destroy");
    return () => pool.alloc(10);
  }],
  ["alloc there after destroy here", "destroyed", "Cannot allocate: the pool is destroyed", async (pool, hand) => {
    pool.destroy();
    return () => hand.call("alloc", 10);
  }],
  [
    "attach there after destroy here",
    "destroyed",
    ({ handle }) => `Cannot attach to pool ${handle.id}: it is destroyed`,
    async (pool, hand) => {
      pool.destroy();
      return () => hand.order({ ask: "attach", handle: pool.handle });
    },
  ],
  ["alloc there after close there", "closed", "Cannot allocate: this pool object is closed", async (_, hand) => {
    await hand.call("close");
    return () => hand.call("alloc", 10);
  }],
];
