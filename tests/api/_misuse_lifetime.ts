/** Misuse of pools that have ended, of handles, and of what pools are made from. */

import * as mempool from "mempool";
import { MemPool, type MemPoolHandle, type MemPoolOptions } from "mempool";
import { type Misuse, one } from "./_misuse.ts";
import { makePool } from "../support/pool.ts";

/** A call on a pool whose one block, at offset 0, is allocated. */
type Use = (pool: MemPool, block: ArrayBuffer) => unknown;

function afterwards(
  end: "destroy" | "close",
  kind: "destroyed" | "closed",
  why: string,
): (name: string, action: string, use: Use) => Misuse {
  return (name, action, use) => [`${name} after ${end}`, kind, `Cannot ${action}: ${why}`, (pool) => {
    const block = one(pool);
    pool[end]();
    return () => use(pool, block);
  }];
}

const afterDestroy = afterwards("destroy", "destroyed", "the pool is destroyed");
const afterClose = afterwards("close", "closed", "this pool object is closed");

export const ENDED: readonly Misuse[] = [
  afterDestroy("alloc", "allocate", (pool) => pool.alloc(10)),
  afterDestroy("calloc", "allocate", (pool) => pool.calloc(1, 10)),
  afterDestroy("realloc", "reallocate", (pool, block) => pool.realloc(block, 20)),
  afterDestroy("free", "free", (pool, block) => pool.free(block)),
  afterDestroy("freeMany", "free", (pool, block) => pool.freeMany([block])),
  afterDestroy("freeOffset", "free", (pool) => pool.freeOffset(0)),
  afterDestroy("at", "look at", (pool) => pool.at(0)),
  afterDestroy("offsetOf", "locate", (pool, block) => pool.offsetOf(block)),
  afterDestroy("owns", "check ownership", (pool, block) => pool.owns(block)),
  afterDestroy("allocArray", "allocate", (pool) => pool.allocArray(Uint8Array, 10)),
  afterDestroy("lease", "allocate", (pool) => pool.lease(10)),
  afterDestroy("stats", "collect statistics", (pool) => pool.stats()),
  afterDestroy("blocks", "list blocks", (pool) => pool.blocks()),
  afterDestroy("reap", "reap", (pool) => pool.reap()),
  afterClose("alloc", "allocate", (pool) => pool.alloc(10)),
  afterClose("free", "free", (pool, block) => pool.free(block)),
  afterClose("freeOffset", "free", (pool) => pool.freeOffset(0)),
  afterClose("check", "check the pool", (pool) => pool.check()),
  [
    "alloc after another object of this thread has destroyed",
    "destroyed",
    "Cannot allocate: the pool is destroyed",
    (pool) => {
      MemPool.attach(pool.handle).destroy();
      return () => pool.alloc(10);
    },
  ],
  ["alloc after the end of its scope", "destroyed", "Cannot allocate: the pool is destroyed", () => {
    let outside: MemPool;
    {
      using inner = makePool();
      outside = inner;
    }
    return () => outside.alloc(10);
  }],
  [
    "alloc after one of two scopes of one pool has ended",
    "destroyed",
    "Cannot allocate: the pool is destroyed",
    (pool) => {
      using first = pool;
      {
        using _second = first;
      }
      return () => first.alloc(10);
    },
  ],
  ["free after the end of the scope that attached", "closed", "Cannot free: this pool object is closed", (pool) => {
    const block = one(pool);
    let outside: MemPool;
    {
      using inner = MemPool.attach(pool.handle);
      outside = inner;
    }
    return () => outside.free(block);
  }],
];

/** Attaches to what the pool's handle has been turned into. */
function attaching(
  name: string,
  kind: "unknown-pool" | "format-mismatch" | "TypeError",
  why: (handle: MemPoolHandle) => string,
  forge: (handle: MemPoolHandle, pool: MemPool) => unknown,
): Misuse {
  return [
    `attach ${name}`,
    kind,
    (pool) => `Cannot attach${why(pool.handle)}`,
    (pool) => () => MemPool.attach(forge(pool.handle, pool) as MemPoolHandle),
  ];
}

const NO_HANDLE = ": handle must be the handle of a pool, got";

export const HANDLES: readonly Misuse[] = [
  [
    "attach to a pool that is destroyed",
    "destroyed",
    ({ handle }) => `Cannot attach to pool ${handle.id}: it is destroyed`,
    (pool) => {
      pool.destroy();
      return () => MemPool.attach(pool.handle);
    },
  ],
  attaching(
    "with a handle of another process",
    "unknown-pool",
    ({ id }) => ` to pool ${id}: it belongs to another process`,
    (handle) => ({ ...handle, process: handle.process - 1 }),
  ),
  attaching(
    "with a handle that was made up",
    "unknown-pool",
    () => " to pool 1: this process has never had a pool of this id",
    (handle) => ({ ...handle, id: 1 }),
  ),
  attaching(
    "with a handle of a later version",
    "format-mismatch",
    ({ format }) => ` to the pool: the handle's format is ${format + 1}, this code reads ${format}`,
    (handle) => ({ ...handle, format: handle.format + 1 }),
  ),
  attaching("without a handle", "TypeError", () => `${NO_HANDLE} undefined`, () => undefined),
  attaching(
    "with the pool itself",
    "TypeError",
    () => `${NO_HANDLE} an object (Object) of another shape`,
    (_, pool) => pool,
  ),
  attaching("with the id alone", "TypeError", ({ id }) => `${NO_HANDLE} ${id}`, ({ id }) => id),
  attaching("with a handle as JSON", "TypeError", () => `${NO_HANDLE} "{}"`, () => JSON.stringify({})),
  attaching(
    "with a handle whose numbers became strings",
    "TypeError",
    () => `${NO_HANDLE} an object (Object) of another shape`,
    ({ format, process, id }) => ({ format: `${format}`, process: `${process}`, id: `${id}` }),
  ),
];

const unsafe = MemPool.init as (...args: unknown[]) => MemPool;

/** A misuse of init that needs no more than the arguments. */
function making(
  name: string,
  kind: "TypeError" | "RangeError" | "unsupported",
  why: string,
  ...args: unknown[]
): Misuse {
  return [`init ${name}`, kind, `Cannot init pool: ${why}`, () => () => unsafe(...args)];
}

function option(
  name: string,
  kind: "TypeError" | "RangeError" | "unsupported",
  why: string,
  options: MemPoolOptions | object,
): Misuse {
  return making(`with ${name}`, kind, why, 4096, 64, options);
}

const SMALLER = "defaultBlockSize must be smaller than size, got";
const WHOLE = "must be a whole number from 1 up, got";

export const MAKING: readonly Misuse[] = [
  making("without arguments", "TypeError", "size must be a number, got undefined"),
  making("without a block size", "TypeError", "defaultBlockSize must be a number, got undefined", 4096),
  making(
    "with the options in the place of the block size",
    "TypeError",
    "defaultBlockSize must be a number, got an object (Object)",
    4096,
    {},
  ),
  making("with a size in words", "TypeError", 'size must be a number, got "4 KiB"', "4 KiB", 64),
  making("of nothing", "RangeError", `size ${WHOLE} 0`, 0, 64),
  making("of half a megabyte, written so", "RangeError", `size ${WHOLE} 0.5`, 0.5, 64),
  making("with blocks of less than nothing", "RangeError", `defaultBlockSize ${WHOLE} -64`, 4096, -64),
  making("with size and block size exchanged", "RangeError", `${SMALLER} 4096 (rounded up) and 64`, 64, 4096),
  making("with blocks as large as the pool", "RangeError", `${SMALLER} 4096 (rounded up) and 4096`, 4096, 4096),
  making(
    "with blocks that are as large once rounded up",
    "RangeError",
    `${SMALLER} 4096 (rounded up) and 4096`,
    4096,
    4081,
  ),
  making(
    "of more than an address space",
    "RangeError",
    "size must not exceed 2^47, got 281474976710656",
    2 ** 48,
    2 ** 30,
  ),
  making(
    "of too many blocks",
    "RangeError",
    "size / blockSize must not exceed 260046848, got 1099511627776 / 64",
    2 ** 40,
    64,
  ),
  making("with null for options", "TypeError", "options must be an object, got null", 4096, 64, null),
  making(
    "with an alignment in the place of the options",
    "TypeError",
    "options must be an object, got 64",
    4096,
    64,
    64,
  ),
  option(
    "an alignment that is no power of two",
    "RangeError",
    "alignment must be a power of two from 16 to 4096, got 48",
    { alignment: 48 },
  ),
  option("an alignment of less than 16", "RangeError", "alignment must be a power of two from 16 to 4096, got 8", {
    alignment: 8,
  }),
  option("a word for an alignment", "TypeError", 'alignment must be a number, got "page"', { alignment: "page" }),
  option("fewer cached blocks than none", "RangeError", "cachedBlocks must be a whole number from 0 up, got -1", {
    cachedBlocks: -1,
  }),
  option("false for cached blocks", "TypeError", "cachedBlocks must be a number, got false", { cachedBlocks: false }),
  option("endless cached buffers", "RangeError", "cachedBuffers must be a whole number from 0 up, got Infinity", {
    cachedBuffers: Infinity,
  }),
  option("a timeout of fractions", "RangeError", "lockTimeout must be a whole number from 0 up, got 0.1", {
    lockTimeout: 0.1,
  }),
  option("a timeout of more than weeks", "RangeError", "lockTimeout must not exceed 2^31 - 1, got 2147483648", {
    lockTimeout: 2 ** 31,
  }),
  option("another word for onMisuse", "RangeError", 'onMisuse must be "throw" or "warn", got "ignore"', {
    onMisuse: "ignore",
  }),
  option("a function for onMisuse", "TypeError", 'onMisuse must be "throw" or "warn", got a function', {
    onMisuse: () => {},
  }),
  option("a maximum below the size", "RangeError", "maxSize must be from size to 2^47, got 64 for a size of 4096", {
    maxSize: 64,
  }),
  option("false for a maximum", "TypeError", "maxSize must be a number, got false", { maxSize: false }),
  option("a word for checked", "TypeError", 'checked must be true or false, got "yes"', { checked: "yes" }),
  ["new in the place of init", "TypeError", "Cannot construct MemPool: use MemPool.init or MemPool.attach", () => {
    return () => new (MemPool as unknown as new (size: number, blockSize: number) => MemPool)(4096, 64);
  }],
];

/** The default pool of this thread, the test's own pool or what came of it. */
export const DEFAULTS: readonly Misuse[] = [
  [
    "free of a block of the default pool before the last init",
    "foreign-block",
    "Cannot free an object (ArrayBuffer): it is not a block of this pool",
    () => {
      using _earlier = mempool.init(4096, 64);
      const block = mempool.alloc(10)!;
      const later = mempool.init(4096, 64);
      return () => {
        using _ = later;
        mempool.free(block);
      };
    },
  ],
  ["alloc of the default pool after destroy", "destroyed", "Cannot allocate: the pool is destroyed", () => {
    mempool.init(4096, 64);
    mempool.destroy();
    return () => mempool.alloc(10);
  }],
  ["free in the default pool after destroy", "destroyed", "Cannot free: the pool is destroyed", () => {
    mempool.init(4096, 64);
    const block = mempool.alloc(10)!;
    mempool.destroy();
    return () => mempool.free(block);
  }],
  ["alloc of the default pool after close", "closed", "Cannot allocate: this pool object is closed", (pool) => {
    mempool.attach(pool.handle).close();
    return () => mempool.alloc(10);
  }],
  [
    "init of the default pool with its sizes exchanged",
    "RangeError",
    `Cannot init pool: ${SMALLER} 4096 (rounded up) and 64`,
    (pool) => {
      mempool.attach(pool.handle);
      return () => mempool.init(64, 4096);
    },
  ],
];
