/**
 * Every parameter of every public function: how a value is passed to it, the messages that refuse the value, and how to
 * verify a call that accepted it.
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import * as mempool from "mempool";
import { MemPool, type MemPoolHandle } from "mempool";
import { present } from "../support/pool.ts";
import {
  blockMessages,
  handleMessages,
  initMessages,
  type Messages,
  numberMessages,
  offsetMessages,
} from "./_argument_messages.ts";
import type { Expectation, Kind } from "./_argument_table.ts";
import type { Context } from "./_argument_values.ts";

export interface Call {
  /** The parameter, as error messages name it. */
  readonly parameter: string;
  readonly kind: Kind;
  /** Only the values with these expected outcomes are tried. Absent: all values. */
  readonly only?: readonly Expectation[];
  readonly messages: Messages;
  /** The start of further messages that may refuse the value. */
  readonly start?: string;
  /** The result that stands for a refused block in a call that does not throw for one. */
  readonly answer?: false;
  readonly call: Invoke;
  /** Makes one call that succeeds, and undoes its effect. */
  warmUp(context: Context): void;
  /** Expects that an accepted value had its effect, and undoes the effect. */
  verify(context: Context, result: never, value: never): void;
}

type Invoke = (context: Context, value: never) => unknown;

/** The length in bytes of the block that a case starts with. */
export const LENGTH = 40;

/** Frees what an operation returned: a buffer, an offset, or an array of buffers. */
function release(pool: MemPool, result: unknown): void {
  if (typeof result === "number") pool.freeOffset(result);
  else if (Array.isArray(result)) pool.freeMany(result as ArrayBuffer[]);
  else pool.free(result as ArrayBuffer);
}

function lengthsOf(pool: MemPool, result: unknown): number[] {
  const blocks: unknown[] = Array.isArray(result) ? result : [result];
  // A view reads the length, because the buffer may have lost its prototype.
  return blocks.map((block) =>
    new Uint8Array(typeof block === "number" ? pool.at(block) : block as ArrayBuffer).length
  );
}

interface AllocationDetails {
  /** The block lengths that an accepted value allocates. */
  readonly lengths?: (value: number) => number[];
  /** The product that the value is a factor of, as messages show it. */
  readonly product?: (value: unknown) => string;
}

function allocates(
  parameter: string,
  kind: Kind,
  call: Invoke,
  { lengths = (value) => [value], product }: AllocationDetails = {},
): Call {
  return {
    parameter,
    kind,
    messages: numberMessages("allocate", parameter, kind === "count" ? 0 : 1, product),
    call,
    warmUp: (context) => release(context.pool, call(context, (kind === "count" ? 1 : LENGTH) as never)),
    verify({ pool }, result: unknown, value: number) {
      assertEquals(lengthsOf(pool, result), lengths(value));
      release(pool, result);
    },
  };
}

/** The two parameters of calloc or callocOffset. */
function allocatesProduct(calloc: (context: Context, numMembers: never, size: never) => unknown): Call[] {
  const one = 1 as never;
  const inexact = (product: string): string => `numMembers * size must not exceed 2^53, got ${product}`;
  return [
    allocates("numMembers", "member", (context, value) => calloc(context, value, one), {
      product: (value) => inexact(`${value} * 1`),
    }),
    allocates("size", "member", (context, value) => calloc(context, one, value), {
      product: (value) => inexact(`1 * ${value}`),
    }),
  ];
}

/** The new length of realloc. */
function resizes(call: Invoke): Call {
  return {
    parameter: "numBytes",
    kind: "bytes",
    messages: numberMessages("reallocate", "numBytes", 1),
    call,
    warmUp: (context) => call(context, LENGTH as never),
    verify({ pool }, result: unknown, value: number) {
      assertEquals(lengthsOf(pool, result), [value]);
      release(pool, result);
    },
  };
}

/** A call that finds a block, by a buffer or by its offset. */
function finds(kind: "block" | "offset", action: string, call: Invoke, verify: Call["verify"]): Call {
  return {
    parameter: kind,
    kind,
    messages: kind === "block" ? blockMessages(action) : offsetMessages(action),
    call,
    warmUp: (context) => call(context, (kind === "offset" ? 0 : context.block) as never),
    verify,
  };
}

function frees(kind: "block" | "offset", call: Invoke): Call {
  const verify = ({ pool }: Context, result: unknown): void => {
    assertStrictEquals(result, undefined);
    assertEquals(pool.stats().allocatedBlocks, 1);
  };
  return {
    ...finds(kind, "free", call, verify),
    warmUp(context) {
      const { pool } = context;
      call(context, (kind === "offset" ? pool.allocOffset(LENGTH) : present(pool.alloc(LENGTH))) as never);
    },
  };
}

const FREE_BLOCKS: Call = {
  parameter: "blocks",
  kind: "blocks",
  messages: (_expected, _value, shown) => [`Cannot free: blocks must be an iterable of blocks, got ${shown}`],
  start: "Cannot free: block must be an ArrayBuffer or a view on one, got ",
  call: ({ pool }, value) => pool.freeMany(value),
  warmUp: ({ pool }) => pool.freeMany([present(pool.alloc(LENGTH))]),
  // Every iterable that the table accepts is empty.
  verify: ({ pool }) => assertEquals(pool.stats().allocatedBlocks, 2),
};

/** The block that realloc resizes. */
function resizesBlock(kind: "block" | "offset", call: Invoke): Call {
  return finds(kind, "reallocate", call, ({ pool }, result) => {
    assertEquals([lengthsOf(pool, result), pool.stats().allocatedBlocks], [[LENGTH], 2]);
    release(pool, result);
  });
}

function inits(parameter: string, kind: Kind, good: unknown, call: Invoke): Call {
  return {
    parameter,
    kind,
    messages: initMessages(parameter, kind),
    call,
    warmUp: (context) => (call(context, good as never) as MemPool).destroy(),
    verify({ pool }, made: MemPool, value: number) {
      if (kind === "size") assertEquals(made.size, Math.floor(value / 64) * 64);
      if (kind === "blockSize") assertEquals(made.blockSize, Math.ceil(value / 16) * 16);
      if (kind === "alignment") assertEquals(made.blockSize, Math.max(value ?? 16, 64));
      if (kind === "maxSize") assertGrowth(made, Math.floor((value ?? 65536) / 64) > 1024);
      made.freeOffset(made.allocOffset(made.blockSize));
      made.check();
      made.destroy();
      mempool.attach(pool.handle);
    },
  };
}

/** Expects a new pool of 1024 blocks to grow when it is exhausted, or not to grow. */
function assertGrowth(pool: MemPool, grows: boolean): void {
  const whole = pool.allocOffset(pool.size);
  const more = pool.allocOffset(1);
  assertEquals(
    { more, size: pool.size },
    grows ? { more: 65536, size: Math.max(pool.size, 65600) } : { more: -1, size: 65536 },
  );
  pool.freeOffset(whole);
  if (grows) pool.freeOffset(more);
}

function initParameters(init: typeof MemPool.init): Call[] {
  const option = (name: string, kind: Kind, good: unknown): Call =>
    inits(name, kind, good, (_, value) => init(65536, 64, { [name]: value }));
  return [
    inits("size", "size", 65536, (_, value) => init(value, 64)),
    inits("defaultBlockSize", "blockSize", 64, (_, value) => init(65536, value)),
    inits("options", "options", {}, (_, value) => init(65536, 64, value)),
    option("alignment", "alignment", 16),
    option("maxSize", "maxSize", 65536),
    option("cachedBlocks", "from0", 32),
    option("cachedBuffers", "from0", 32),
    option("lockTimeout", "from0", 1000),
    option("onMisuse", "onMisuse", "throw"),
    option("checked", "checked", false),
  ];
}

function attaches(attach: typeof MemPool.attach): Call {
  return {
    parameter: "handle",
    kind: "handle",
    messages: handleMessages,
    call: (_, handle) => attach(handle),
    warmUp: ({ pool }) => attach(pool.handle).close(),
    verify({ pool }, attached: MemPool, { format, process, id }: MemPoolHandle) {
      assertEquals(attached.handle, { format, process, id });
      attached.check();
      attached.close();
      mempool.attach(pool.handle);
    },
  };
}

/** JavaScript can call the constructor, although TypeScript declares it private. */
const CONSTRUCTOR: Call = {
  parameter: "attachment",
  kind: "nothing",
  messages: () => ["Cannot construct MemPool: use MemPool.init or MemPool.attach"],
  call: (_, value) => new (MemPool as unknown as new (value: unknown) => MemPool)(value),
  warmUp: ({ pool }) => MemPool.attach(pool.handle).close(),
  verify: () => {},
};

const twice = (value: number): number[] => [value, value];
const eights = (value: number): number[] => Array<number>(value).fill(8);

/** Public functions by name, each with the calls that pass a value as one of its arguments. */
type Functions = Readonly<Record<string, readonly Call[]>>;

/** The functions that return a pool. */
export const POOL_FACTORIES: Functions = {
  "MemPool.init": initParameters(MemPool.init),
  "MemPool.attach": [attaches(MemPool.attach)],
  "new MemPool": [CONSTRUCTOR],
  "mempool.init": initParameters(mempool.init),
  "mempool.attach": [attaches(mempool.attach)],
};

/** The functions that use a pool. */
export const POOL_FUNCTIONS: Functions = {
  "pool.alloc": [allocates("numBytes", "bytes", ({ pool }, value) => pool.alloc(value))],
  "pool.calloc": allocatesProduct(({ pool }, numMembers, size) => pool.calloc(numMembers, size)),
  "pool.realloc": [
    resizesBlock("block", ({ pool }, value) => pool.realloc(value, LENGTH)),
    resizes(({ pool, block }, value) => pool.realloc(block, value)),
    // With two wrong arguments the error names the block.
    {
      ...resizesBlock("block", ({ pool }, value) => pool.realloc(value, NaN)),
      parameter: "block, beside a wrong numBytes",
      only: ["Type"],
      warmUp: ({ pool, block }) => pool.realloc(block, LENGTH),
    },
  ],
  "pool.free": [frees("block", ({ pool }, value) => pool.free(value))],
  "pool.allocMany": [
    allocates("count", "count", ({ pool }, value) => pool.allocMany(value, 8), { lengths: eights }),
    allocates("numBytes", "bytes", ({ pool }, value) => pool.allocMany(2, value), { lengths: twice }),
    // numBytes is checked although no block is wanted.
    {
      ...allocates("numBytes", "bytes", ({ pool }, value) => pool.allocMany(0, value)),
      only: ["Type", "Range"],
    },
  ],
  "pool.allocArray": [
    {
      ...allocates("type", "nothing", ({ pool }, value) => pool.allocArray(value, LENGTH)),
      messages: (_expected, _value, shown) => [
        `Cannot allocate: type must be one of the engine's typed array constructors, got ${shown}`,
      ],
      warmUp: ({ pool }) => pool.free(present(pool.allocArray(Uint8Array, LENGTH))),
    },
    allocates("length", "member", ({ pool }, value) => pool.allocArray(Uint8Array, value), {
      product: (value) => `length * BYTES_PER_ELEMENT must not exceed 2^53, got ${value} * 1`,
    }),
  ],
  "pool.lease": [allocates("numBytes", "bytes", ({ pool }, value) => pool.lease(value)?.buffer ?? null)],
  "pool.freeMany": [
    FREE_BLOCKS,
    { ...frees("block", ({ pool }, value) => pool.freeMany([value])), parameter: "blocks, the only one" },
    // The allocated block before the refused one must not be freed.
    {
      ...frees("block", ({ pool }, value) => pool.freeMany([pool.at(128), value])),
      parameter: "blocks, the second of two",
      only: ["Type", "foreign", "moved", "double"],
      warmUp: ({ pool }) => pool.freeMany([present(pool.alloc(LENGTH)), present(pool.alloc(LENGTH))]),
    },
  ],
  "pool.owns": [{
    ...finds(
      "block",
      "check ownership",
      ({ pool }, value) => pool.owns(value),
      (_, result) => assertStrictEquals(result, true),
    ),
    answer: false,
  }],
  "pool.offsetOf": [
    finds("block", "locate", ({ pool }, value) => pool.offsetOf(value), (_, result) => assertStrictEquals(result, 0)),
  ],
  "pool.at": [
    finds(
      "offset",
      "look at",
      ({ pool }, value) => pool.at(value),
      ({ block }, result) => assertStrictEquals(result, block),
    ),
  ],
  "pool.allocOffset": [allocates("numBytes", "bytes", ({ pool }, value) => pool.allocOffset(value))],
  "pool.callocOffset": allocatesProduct(({ pool }, numMembers, size) => pool.callocOffset(numMembers, size)),
  "pool.reallocOffset": [
    resizesBlock("offset", ({ pool }, value) => pool.reallocOffset(value, LENGTH)),
    resizes(({ pool }, value) => pool.reallocOffset(0, value)),
  ],
  "pool.freeOffset": [frees("offset", ({ pool }, value) => pool.freeOffset(value))],
  "mempool.alloc": [allocates("numBytes", "bytes", (_, value) => mempool.alloc(value))],
  "mempool.calloc": allocatesProduct((_, numMembers, size) => mempool.calloc(numMembers, size)),
  "mempool.realloc": [
    resizesBlock("block", (_, value) => mempool.realloc(value, LENGTH)),
    resizes(({ block }, value) => mempool.realloc(block, value)),
  ],
  "mempool.free": [frees("block", (_, value) => mempool.free(value))],
};
