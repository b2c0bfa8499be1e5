/** Every public function once for each of its parameters: how to call it, and what a good value does there. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import * as mempool from "mempool";
import { MemPool, type MemPoolHandle } from "mempool";
import type { Kind } from "./_hostile_table.ts";
import type { Scene } from "./_hostile_values.ts";
import { present } from "../support/pool.ts";

export interface Call {
  /** The parameter, as messages name it. */
  readonly parameter: string;
  readonly kind: Kind;
  /** How messages begin that refuse a value of a wrong type, or out of bounds. */
  readonly says: readonly string[];
  /** How messages begin that refuse a block, a handle or an option for what it stands for. */
  readonly refuses: string;
  /** What it says instead of refusing a block. */
  readonly answer?: false;
  readonly call: Invoke;
  /** One good call, undone. */
  warm(scene: Scene): void;
  /** Expects that a good value has done what it should, and undoes it. */
  settle(scene: Scene, result: never, value: never): void;
}

type Invoke = (scene: Scene, value: never) => unknown;

/** Bytes of the block of a case. */
export const LENGTH = 40;

function must(action: string, parameter: string): string {
  return `Cannot ${action}: ${parameter} must `;
}

/** Gives back what an operation has handed out, as a buffer, as an offset, or many. */
function giveBack(pool: MemPool, result: unknown): void {
  if (typeof result === "number") pool.freeOffset(result);
  else if (Array.isArray(result)) pool.freeMany(result as ArrayBuffer[]);
  else pool.free(result as ArrayBuffer);
}

function lengthsOf(pool: MemPool, result: unknown): number[] {
  const blocks: unknown[] = Array.isArray(result) ? result : [result];
  // By a view: a buffer may have lost its prototype, and what stands on that.
  return blocks.map((block) =>
    new Uint8Array(typeof block === "number" ? pool.at(block) : block as ArrayBuffer).length
  );
}

/** `lengths` says which blocks a good value gives. */
function allocates(parameter: string, kind: Kind, call: Invoke, lengths = (value: number): number[] => [value]): Call {
  return {
    parameter,
    kind,
    says: [
      must("allocate", parameter),
      must("allocate", "numMembers * size"),
      must("allocate", "length * BYTES_PER_ELEMENT"),
    ],
    refuses: "Cannot allocate ",
    call,
    warm: (scene) => giveBack(scene.pool, call(scene, (kind === "count" ? 1 : LENGTH) as never)),
    settle({ pool }, result: unknown, value: number) {
      assertEquals(lengthsOf(pool, result), lengths(value));
      giveBack(pool, result);
    },
  };
}

function resizes(call: Invoke): Call {
  return {
    parameter: "numBytes",
    kind: "bytes",
    says: [must("reallocate", "numBytes")],
    refuses: "Cannot reallocate ",
    call,
    warm: (scene) => call(scene, LENGTH as never),
    settle({ pool }, result: unknown, value: number) {
      assertEquals(lengthsOf(pool, result), [value]);
      giveBack(pool, result);
    },
  };
}

/** A call that is told a block, by a buffer or by its offset. */
function finds(kind: "block" | "offset", action: string, call: Invoke, settle: Call["settle"]): Call {
  return {
    parameter: kind,
    kind,
    says: [must(action, kind)],
    refuses: `Cannot ${action} `,
    call,
    warm: (scene) => call(scene, (kind === "offset" ? 0 : scene.block) as never),
    settle,
  };
}

function frees(kind: "block" | "offset", call: Invoke): Call {
  const freed = ({ pool }: Scene, result: unknown): void => {
    assertStrictEquals(result, undefined);
    assertEquals(pool.stats().allocatedBlocks, 1);
  };
  return {
    ...finds(kind, "free", call, freed),
    warm(scene) {
      const { pool } = scene;
      call(scene, (kind === "offset" ? pool.allocOffset(LENGTH) : present(pool.alloc(LENGTH))) as never);
    },
  };
}

function freesMany(): Call {
  const call: Invoke = ({ pool }, value) => pool.freeMany(value);
  const none = ({ pool }: Scene): void => assertEquals(pool.stats().allocatedBlocks, 2);
  return {
    ...finds("block", "free", call, none),
    parameter: "blocks",
    kind: "blocks",
    says: [must("free", "blocks"), must("free", "block")],
    warm: (scene) => call(scene, [present(scene.pool.alloc(LENGTH))] as never),
  };
}

function resizesWhat(kind: "block" | "offset", call: Invoke): Call {
  return finds(kind, "reallocate", call, ({ pool }, result) => {
    assertEquals([lengthsOf(pool, result), pool.stats().allocatedBlocks], [[LENGTH], 2]);
    giveBack(pool, result);
  });
}

function inits(parameter: string, kind: Kind, good: unknown, call: Invoke): Call {
  return {
    parameter,
    kind,
    says: [
      must("init pool", parameter),
      `Cannot init pool: ${parameter} / blockSize must `,
      must("init pool", "defaultBlockSize"),
    ],
    refuses: `Cannot init pool: option ${parameter} `,
    call,
    warm: (scene) => (call(scene, good as never) as MemPool).destroy(),
    settle({ pool }, made: MemPool, value: number) {
      if (kind === "size") assertEquals(made.size, Math.floor(value / 64) * 64);
      if (kind === "blockSize") assertEquals(made.blockSize, Math.ceil(value / 16) * 16);
      if (kind === "alignment") assertEquals(made.blockSize, Math.max(value ?? 16, 64));
      if (kind === "maxSize") assertGrows(made, Math.floor((value ?? 65536) / 64) > 1024);
      made.freeOffset(made.allocOffset(made.blockSize));
      made.check();
      made.destroy();
      mempool.attach(pool.handle);
    },
  };
}

/** Of a new pool of 1024 blocks. */
function assertGrows(pool: MemPool, may: boolean): void {
  const whole = pool.allocOffset(pool.size);
  const more = pool.allocOffset(1);
  assertEquals(
    { more, size: pool.size },
    may ? { more: 65536, size: Math.max(pool.size, 65600) } : { more: -1, size: 65536 },
  );
  pool.freeOffset(whole);
  if (may) pool.freeOffset(more);
}

function initsAll(init: typeof MemPool.init): Call[] {
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
    says: ["Cannot attach: handle must be the handle of a pool, got "],
    refuses: "Cannot attach to ",
    call: (_, handle) => attach(handle),
    warm: ({ pool }) => attach(pool.handle).close(),
    settle({ pool }, attached: MemPool, { format, process, id }: MemPoolHandle) {
      assertEquals(attached.handle, { format, process, id });
      attached.check();
      attached.close();
      mempool.attach(pool.handle);
    },
  };
}

/** TypeScript's word for a constructor that is not for callers does not stop one that is JavaScript. */
const construct: Call = {
  parameter: "attachment",
  kind: "nothing",
  says: ["Cannot construct MemPool: use MemPool.init or MemPool.attach"],
  refuses: "",
  call: (_, value) => new (MemPool as unknown as new (value: unknown) => MemPool)(value),
  warm: ({ pool }) => MemPool.attach(pool.handle).close(),
  settle: () => {},
};

const both = (value: number): number[] => [value, value];
const eights = (value: number): number[] => Array<number>(value).fill(8);

type Functions = Readonly<Record<string, readonly Call[]>>;

/** The public functions that make pool objects, by name, each with the calls that put a value into one parameter. */
export const MAKERS: Functions = {
  "MemPool.init": initsAll(MemPool.init),
  "MemPool.attach": [attaches(MemPool.attach)],
  "new MemPool": [construct],
  "mempool.init": initsAll(mempool.init),
  "mempool.attach": [attaches(mempool.attach)],
};

/** Those that use a pool. */
export const USERS: Functions = {
  "pool.alloc": [allocates("numBytes", "bytes", ({ pool }, value) => pool.alloc(value))],
  "pool.calloc": [
    allocates("numMembers", "member", ({ pool }, value) => pool.calloc(value, 1)),
    allocates("size", "member", ({ pool }, value) => pool.calloc(1, value)),
  ],
  "pool.realloc": [
    resizesWhat("block", ({ pool }, value) => pool.realloc(value, LENGTH)),
    resizes(({ pool, block }, value) => pool.realloc(block, value)),
  ],
  "pool.free": [frees("block", ({ pool }, value) => pool.free(value))],
  "pool.allocMany": [
    allocates("count", "count", ({ pool }, value) => pool.allocMany(value, 8), eights),
    allocates("numBytes", "bytes", ({ pool }, value) => pool.allocMany(2, value), both),
  ],
  "pool.allocArray": [
    {
      ...allocates("type", "nothing", ({ pool }, value) => pool.allocArray(value, LENGTH)),
      warm: ({ pool }) => pool.free(present(pool.allocArray(Uint8Array, LENGTH))),
    },
    allocates("length", "member", ({ pool }, value) => pool.allocArray(Uint8Array, value)),
  ],
  "pool.lease": [allocates("numBytes", "bytes", ({ pool }, value) => pool.lease(value)?.buffer ?? null)],
  "pool.freeMany": [
    freesMany(),
    { ...frees("block", ({ pool }, value) => pool.freeMany([value])), parameter: "blocks, one of them" },
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
  "pool.callocOffset": [
    allocates("numMembers", "member", ({ pool }, value) => pool.callocOffset(value, 1)),
    allocates("size", "member", ({ pool }, value) => pool.callocOffset(1, value)),
  ],
  "pool.reallocOffset": [
    resizesWhat("offset", ({ pool }, value) => pool.reallocOffset(value, LENGTH)),
    resizes(({ pool }, value) => pool.reallocOffset(0, value)),
  ],
  "pool.freeOffset": [frees("offset", ({ pool }, value) => pool.freeOffset(value))],
  "mempool.alloc": [allocates("numBytes", "bytes", (_, value) => mempool.alloc(value))],
  "mempool.calloc": [
    allocates("numMembers", "member", (_, value) => mempool.calloc(value, 1)),
    allocates("size", "member", (_, value) => mempool.calloc(1, value)),
  ],
  "mempool.realloc": [
    resizesWhat("block", (_, value) => mempool.realloc(value, LENGTH)),
    resizes(({ block }, value) => mempool.realloc(block, value)),
  ],
  "mempool.free": [frees("block", (_, value) => mempool.free(value))],
};
