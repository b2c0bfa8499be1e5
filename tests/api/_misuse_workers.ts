/** Misuse that involves two workers, in a fixed order. */

import type { MemPool } from "mempool";
import { allocBlock, type Kind, type Message, MOVED } from "./_misuse.ts";
import type { Order } from "./_misuse_worker.ts";
import { present } from "../support/pool.ts";

/** The other worker, which has attached the pool. A call returns the lines that it printed there with console.warn. */
export interface OtherWorker {
  order(order: Order, transfer?: ArrayBuffer[]): Promise<unknown[][]>;
  /** Calls a method of the pool in the other worker. */
  call(method: string, ...args: unknown[]): Promise<unknown[][]>;
  /** Calls a method of the pool with the kept buffer as its first argument. */
  callWithKept(method: string, ...args: unknown[]): Promise<unknown[][]>;
}

/** As `Misuse`, with the other worker. */
export type TwoWorkerMisuse = readonly [
  mistake: string,
  kind: Kind,
  message: Message,
  program: (pool: MemPool, other: OtherWorker) => Promise<() => unknown>,
];

const FREE_AT_0 = "Cannot free block at offset 0: it is already free";
const FOREIGN = "Cannot free an object (ArrayBuffer): it is not a block of this pool";

export const TWO_WORKER_FREES: readonly TwoWorkerMisuse[] = [
  ["calling freeOffset in the other worker after free in this one", "double-free", FREE_AT_0, async (pool, other) => {
    pool.free(allocBlock(pool));
    return () => other.call("freeOffset", 0);
  }],
  ["calling free in this worker after freeOffset in the other one", "double-free", FREE_AT_0, async (pool, other) => {
    const block = allocBlock(pool);
    await other.call("freeOffset", 0);
    return () => pool.free(block);
  }],
  [
    "calling freeMany in this worker after freeOffset in the other one",
    "double-free",
    FREE_AT_0,
    async (pool, other) => {
      const blocks = present(pool.allocMany(3, 100));
      await other.call("freeOffset", 0);
      return () => pool.freeMany(blocks);
    },
  ],
  [
    "freeing a buffer in this worker after it was posted to the other one",
    "foreign-block",
    `Cannot free an object (ArrayBuffer): ${MOVED}`,
    async (pool, other) => {
      const block = allocBlock(pool);
      await other.order({ ask: "keep", what: block }, [block]);
      return () => pool.free(block);
    },
  ],
  [
    "calling freeOffset in this worker after the other one freed the posted buffer",
    "double-free",
    FREE_AT_0,
    async (pool, other) => {
      const block = allocBlock(pool);
      await other.order({ ask: "keep", what: block }, [block]);
      await other.callWithKept("free");
      return () => pool.freeOffset(0);
    },
  ],
  ["freeing a posted buffer twice in the other worker", "double-free", FREE_AT_0, async (pool, other) => {
    const block = allocBlock(pool);
    await other.order({ ask: "keep", what: block }, [block]);
    await other.callWithKept("free");
    return () => other.callWithKept("free");
  }],
  [
    "freeing a buffer in the other worker that was posted without a transfer list",
    "foreign-block",
    FOREIGN,
    async (pool, other) => {
      await other.order({ ask: "keep", what: allocBlock(pool) });
      return () => other.callWithKept("free");
    },
  ],
  [
    "freeing the old buffer in this worker after realloc in the other one moved the block",
    "double-free",
    FREE_AT_0,
    async (pool, other) => {
      const block = allocBlock(pool);
      allocBlock(pool);
      await other.call("reallocOffset", 0, 1000);
      return () => pool.free(block);
    },
  ],
  [
    "freeing the old buffer in the other worker after realloc in this one moved the block",
    "double-free",
    FREE_AT_0,
    async (pool, other) => {
      const block = allocBlock(pool);
      allocBlock(pool);
      await other.order({ ask: "keep", what: 0 });
      pool.realloc(block, 1000);
      return () => other.callWithKept("free");
    },
  ],
];

export const TWO_WORKER_USES: readonly TwoWorkerMisuse[] = [
  [
    "calling at in the other worker after free in this one",
    "double-free",
    "Cannot look at block at offset 0: it is already free",
    async (pool, other) => {
      pool.free(allocBlock(pool));
      return () => other.call("at", 0);
    },
  ],
  [
    "calling realloc in the other worker after free in this one",
    "double-free",
    "Cannot reallocate block at offset 0: it is already free",
    async (pool, other) => {
      const block = allocBlock(pool);
      await other.order({ ask: "keep", what: 0 });
      pool.free(block);
      return () => other.callWithKept("realloc", 20);
    },
  ],
  [
    "calling alloc in this worker after destroy in the other one",
    "destroyed",
    "Cannot allocate: the pool is destroyed",
    async (pool, other) => {
      await other.call("destroy");
      return () => pool.alloc(10);
    },
  ],
  [
    "calling alloc in the other worker after destroy in this one",
    "destroyed",
    "Cannot allocate: the pool is destroyed",
    async (pool, other) => {
      pool.destroy();
      return () => other.call("alloc", 10);
    },
  ],
  [
    "attaching in the other worker after destroy in this one",
    "destroyed",
    ({ handle }) => `Cannot attach to pool ${handle.id}: it is destroyed`,
    async (pool, other) => {
      pool.destroy();
      return () => other.order({ ask: "attach", handle: pool.handle });
    },
  ],
  [
    "calling alloc in the other worker after close in that worker",
    "closed",
    "Cannot allocate: this pool object is closed",
    async (_, other) => {
      await other.call("close");
      return () => other.call("alloc", 10);
    },
  ],
];
