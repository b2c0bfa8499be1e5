/** Misuse of pools that are destroyed or closed, of handles, and of the arguments of init. */

import * as mempool from "mempool";
import { MemPool, type MemPoolHandle, type MemPoolOptions } from "mempool";
import { allocBlock, type Misuse } from "./_misuse.ts";
import { makePool } from "../support/pool.ts";

/** A call on a pool whose one block, at offset 0, is allocated. */
type Use = (pool: MemPool, block: ArrayBuffer) => unknown;

function afterwards(
  end: "destroy" | "close",
  kind: "destroyed" | "closed",
  why: string,
): (name: string, action: string, use: Use) => Misuse {
  return (name, action, use) => [`calling ${name} after ${end}`, kind, `Cannot ${action}: ${why}`, (pool) => {
    const block = allocBlock(pool);
    pool[end]();
    return () => use(pool, block);
  }];
}

const afterDestroy = afterwards("destroy", "destroyed", "the pool is destroyed");
const afterClose = afterwards("close", "closed", "this pool object is closed");

export const AFTER_THE_END: readonly Misuse[] = [
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
    "calling alloc after another object of this thread destroyed the pool",
    "destroyed",
    "Cannot allocate: the pool is destroyed",
    (pool) => {
      MemPool.attach(pool.handle).destroy();
      return () => pool.alloc(10);
    },
  ],
  ["calling alloc after the end of the pool's scope", "destroyed", "Cannot allocate: the pool is destroyed", () => {
    let outside: MemPool;
    {
      using inner = makePool();
      outside = inner;
    }
    return () => outside.alloc(10);
  }],
  [
    "calling alloc after the end of one of two scopes of the pool",
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
  [
    "calling free after the end of the scope that attached the pool",
    "closed",
    "Cannot free: this pool object is closed",
    (pool) => {
      const block = allocBlock(pool);
      let outside: MemPool;
      {
        using inner = MemPool.attach(pool.handle);
        outside = inner;
      }
      return () => outside.free(block);
    },
  ],
];

/** Attaches with a value that `forge` makes from the handle of the pool. */
function attaching(
  name: string,
  kind: "unknown-pool" | "format-mismatch" | "TypeError",
  why: (handle: MemPoolHandle) => string,
  forge: (handle: MemPoolHandle, pool: MemPool) => unknown,
): Misuse {
  return [
    `attaching ${name}`,
    kind,
    (pool) => `Cannot attach${why(pool.handle)}`,
    (pool) => () => MemPool.attach(forge(pool.handle, pool) as MemPoolHandle),
  ];
}

const NOT_A_HANDLE = ": handle must be the handle of a pool, got";

export const HANDLES: readonly Misuse[] = [
  [
    "attaching a destroyed pool",
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
    "with an invented handle",
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
  attaching("without a handle", "TypeError", () => `${NOT_A_HANDLE} undefined`, () => undefined),
  attaching(
    "with the pool itself",
    "TypeError",
    () => `${NOT_A_HANDLE} an object (Object) of another shape`,
    (_, pool) => pool,
  ),
  attaching("with the id alone", "TypeError", ({ id }) => `${NOT_A_HANDLE} ${id}`, ({ id }) => id),
  attaching("with JSON instead of a handle", "TypeError", () => `${NOT_A_HANDLE} "{}"`, () => JSON.stringify({})),
  attaching(
    "with a handle whose numbers are strings",
    "TypeError",
    () => `${NOT_A_HANDLE} an object (Object) of another shape`,
    ({ format, process, id }) => ({ format: `${format}`, process: `${process}`, id: `${id}` }),
  ),
];

const unsafe = MemPool.init as (...args: unknown[]) => MemPool;

/** A call of init with wrong arguments. */
function initWith(
  name: string,
  kind: "TypeError" | "RangeError" | "unsupported",
  why: string,
  ...args: unknown[]
): Misuse {
  return [`calling init ${name}`, kind, `Cannot init pool: ${why}`, () => () => unsafe(...args)];
}

function initWithOption(
  name: string,
  kind: "TypeError" | "RangeError" | "unsupported",
  why: string,
  options: MemPoolOptions | object,
): Misuse {
  return initWith(`with ${name}`, kind, why, 4096, 64, options);
}

const SMALLER = "defaultBlockSize must be smaller than size, got";
const WHOLE = "must be a whole number from 1 up, got";

export const INITS: readonly Misuse[] = [
  initWith("without arguments", "TypeError", "size must be a number, got undefined"),
  initWith("without a block size", "TypeError", "defaultBlockSize must be a number, got undefined", 4096),
  initWith(
    "with the options in place of the block size",
    "TypeError",
    "defaultBlockSize must be a number, got an object (Object)",
    4096,
    {},
  ),
  initWith("with a string for the size", "TypeError", 'size must be a number, got "4 KiB"', "4 KiB", 64),
  initWith("with a size of 0", "RangeError", `size ${WHOLE} 0`, 0, 64),
  initWith("with a fractional size", "RangeError", `size ${WHOLE} 0.5`, 0.5, 64),
  initWith("with a negative block size", "RangeError", `defaultBlockSize ${WHOLE} -64`, 4096, -64),
  initWith("with size and block size swapped", "RangeError", `${SMALLER} 4096 (rounded up) and 64`, 64, 4096),
  initWith("with blocks as large as the pool", "RangeError", `${SMALLER} 4096 (rounded up) and 4096`, 4096, 4096),
  initWith(
    "with blocks that are as large as the pool once they are rounded up",
    "RangeError",
    `${SMALLER} 4096 (rounded up) and 4096`,
    4096,
    4081,
  ),
  initWith(
    "with a size beyond the address space",
    "RangeError",
    "size must not exceed 2^47, got 281474976710656",
    2 ** 48,
    2 ** 30,
  ),
  initWith(
    "with too many blocks",
    "RangeError",
    "size / blockSize must not exceed 260046848, got 1099511627776 / 64",
    2 ** 40,
    64,
  ),
  initWith("with null for options", "TypeError", "options must be an object, got null", 4096, 64, null),
  initWith(
    "with an alignment in place of the options",
    "TypeError",
    "options must be an object, got 64",
    4096,
    64,
    64,
  ),
  initWithOption(
    "an alignment that is not a power of two",
    "RangeError",
    "alignment must be a power of two from 16 to 4096, got 48",
    { alignment: 48 },
  ),
  initWithOption("an alignment below 16", "RangeError", "alignment must be a power of two from 16 to 4096, got 8", {
    alignment: 8,
  }),
  initWithOption("a string for alignment", "TypeError", 'alignment must be a number, got "page"', {
    alignment: "page",
  }),
  initWithOption("a negative cachedBlocks", "RangeError", "cachedBlocks must be a whole number from 0 up, got -1", {
    cachedBlocks: -1,
  }),
  initWithOption("false for cachedBlocks", "TypeError", "cachedBlocks must be a number, got false", {
    cachedBlocks: false,
  }),
  initWithOption(
    "an infinite cachedBuffers",
    "RangeError",
    "cachedBuffers must be a whole number from 0 up, got Infinity",
    {
      cachedBuffers: Infinity,
    },
  ),
  initWithOption("a fractional lockTimeout", "RangeError", "lockTimeout must be a whole number from 0 up, got 0.1", {
    lockTimeout: 0.1,
  }),
  initWithOption(
    "a lockTimeout above its limit",
    "RangeError",
    "lockTimeout must not exceed 2^31 - 1, got 2147483648",
    {
      lockTimeout: 2 ** 31,
    },
  ),
  initWithOption("an unknown string for onMisuse", "RangeError", 'onMisuse must be "throw" or "warn", got "ignore"', {
    onMisuse: "ignore",
  }),
  initWithOption("a function for onMisuse", "TypeError", 'onMisuse must be "throw" or "warn", got a function', {
    onMisuse: () => {},
  }),
  initWithOption("a maxSize below size", "RangeError", "maxSize must be from size to 2^47, got 64 for a size of 4096", {
    maxSize: 64,
  }),
  initWithOption("false for maxSize", "TypeError", "maxSize must be a number, got false", { maxSize: false }),
  initWithOption("a string for checked", "TypeError", 'checked must be true or false, got "yes"', { checked: "yes" }),
  [
    "calling the constructor instead of init",
    "TypeError",
    "Cannot construct MemPool: use MemPool.init or MemPool.attach",
    () => {
      return () => new (MemPool as unknown as new (size: number, blockSize: number) => MemPool)(4096, 64);
    },
  ],
];

/** Misuse of the default pool of this thread. */
export const DEFAULTS: readonly Misuse[] = [
  [
    "freeing a block of an earlier default pool",
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
  ["calling alloc of the default pool after destroy", "destroyed", "Cannot allocate: the pool is destroyed", () => {
    mempool.init(4096, 64);
    mempool.destroy();
    return () => mempool.alloc(10);
  }],
  ["calling free of the default pool after destroy", "destroyed", "Cannot free: the pool is destroyed", () => {
    mempool.init(4096, 64);
    const block = mempool.alloc(10)!;
    mempool.destroy();
    return () => mempool.free(block);
  }],
  [
    "calling alloc of the default pool after close",
    "closed",
    "Cannot allocate: this pool object is closed",
    (pool) => {
      mempool.attach(pool.handle).close();
      return () => mempool.alloc(10);
    },
  ],
  [
    "calling init of the default pool with size and block size swapped",
    "RangeError",
    `Cannot init pool: ${SMALLER} 4096 (rounded up) and 64`,
    (pool) => {
      mempool.attach(pool.handle);
      return () => mempool.init(64, 4096);
    },
  ],
];
