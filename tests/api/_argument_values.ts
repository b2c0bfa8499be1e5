/**
 * The values that arguments_test.ts passes as every argument of every public function. _argument_table.ts states the
 * expected outcome of each.
 */

import { Buffer } from "node:buffer";
import { MemPool, MemPoolError } from "mempool";
import { makePool, present } from "../support/pool.ts";

/** The objects that a value may be made from. Each case has a block of its own, because a value may move or free it. */
export interface Context {
  readonly pool: MemPool;
  /** An allocated block at offset 0. */
  readonly block: ArrayBuffer;
  /** Another pool. */
  readonly other: MemPool;
  /** An allocated block of the other pool. */
  readonly otherBlock: ArrayBuffer;
}

/** The error that a value throws when a function runs the value's code. */
export const THROWN_BY_VALUE = new Error("thrown by the value");

function throwing(): never {
  throw THROWN_BY_VALUE;
}

/** Numbers, by their names in the table. */
export const NUMBERS: Readonly<Record<string, number>> = {
  "NaN": NaN,
  "0": 0,
  "-0": -0,
  "-1": -1,
  "1": 1,
  "0.5": 0.5,
  "1.5": 1.5,
  "63.999": 63.999,
  "64": 64,
  "4096": 4096,
  "65536": 65536,
  "65537": 65537,
  "2^31 - 1": 2 ** 31 - 1,
  "2^31": 2 ** 31,
  "2^31 + 0.5": 2 ** 31 + 0.5,
  "2^32": 2 ** 32,
  "2^32 + 5": 2 ** 32 + 5,
  "2^32 + 64": 2 ** 32 + 64,
  "2^47": 2 ** 47,
  "2^53 - 1": 2 ** 53 - 1,
  "2^53": 2 ** 53,
  "2^53 + 2": 2 ** 53 + 2,
  "1e300": 1e300,
  "MAX_VALUE": Number.MAX_VALUE,
  "Infinity": Infinity,
  "-Infinity": -Infinity,
  "-64": -64,
  "-2^31": -(2 ** 31),
  "-2^32 + 64": -(2 ** 32) + 64,
  "-2^53": -(2 ** 53),
  "5e-324": 5e-324,
  "-5e-324": -5e-324,
  "-1e300": -1e300,
  "largest denormal": 2 ** -1022 - 5e-324,
  "1 - 2^-53": 1 - 2 ** -53,
};

/** Values of the other primitive types. */
export const PRIMITIVES: Readonly<Record<string, unknown>> = {
  "undefined": undefined,
  "null": null,
  "true": true,
  "false": false,
  "empty string": "",
  '"0"': "0",
  '"64"': "64",
  '" 64 "': " 64 ",
  '"0x40"': "0x40",
  '"throw"': "throw",
  '"WARN"': "WARN",
  "lone surrogate": "\ud800",
  "string with a newline": "a\nb",
  "a million characters": "x".repeat(1_000_000),
  "0n": 0n,
  "64n": 64n,
  "-1n": -1n,
  "2n ** 64n": 2n ** 64n,
  "Symbol()": Symbol("s"),
  "Symbol.iterator": Symbol.iterator,
};

const classInstance = new (class Block {
  readonly byteLength = 64;
  readonly buffer = new ArrayBuffer(64);
})();

const endedIterator = { next: () => ({ done: true, value: undefined }) };

/** Functions and objects that are not buffers and do not belong to a pool. */
export const OBJECTS: Readonly<Record<string, () => unknown>> = {
  "arrow function": () => () => 64,
  "async function": () => async () => 64,
  "class": () => class {},
  "ArrayBuffer itself": () => ArrayBuffer,
  "iterable function": () => Object.assign(() => 64, { [Symbol.iterator]: () => endedIterator }),
  "proxy of a function": () => new Proxy(() => 64, {}),
  "{}": () => ({}),
  "frozen {}": () => Object.freeze({}),
  "null prototype": () => Object.create(null) as object,
  "valueOf 64": () => ({ valueOf: () => 64 }),
  "toPrimitive 64": () => ({ [Symbol.toPrimitive]: () => 64 }),
  "throwing conversions": () => ({
    valueOf: throwing,
    toString: throwing,
    toJSON: throwing,
    [Symbol.toPrimitive]: throwing,
  }),
  "throwing toStringTag": () =>
    Object.defineProperty({}, Symbol.toStringTag, {
      get: throwing,
    }),
  "lying toStringTag": () => ({ [Symbol.toStringTag]: "ArrayBuffer" }),
  "Number object": () => Object(64) as object,
  "String object": () => Object("64") as object,
  "BigInt object": () => Object(64n) as object,
  "Symbol object": () => Object(Symbol("s")) as object,
  "Boolean object": () => Object(false) as object,
  "[]": () => [],
  "[64]": () => [64],
  "[[]]": () => [[]],
  "array with a hole": () => new Array(1),
  "empty Map": () => new Map(),
  "Map of a number": () => new Map([[1, 64]]),
  "empty Set": () => new Set(),
  "WeakMap": () => new WeakMap(),
  "Date": () => new Date(64),
  "RegExp": () => /64/,
  "Error": () => new Error("64"),
  "MemPoolError": () => new MemPoolError("corrupt", "64"),
  "Promise": () => Promise.resolve(64),
  "class instance": () => classInstance,
  "like a view": () => ({ buffer: new ArrayBuffer(64), byteLength: 64, byteOffset: 0, length: 64 }),
  "ended generator": () => (function* () {})(),
  "iterator is a number": () => ({ [Symbol.iterator]: () => 64 }),
  "iterator is not a function": () => ({ [Symbol.iterator]: 64, length: 0 }),
  "iterator is undefined": () => ({ [Symbol.iterator]: undefined, length: 0 }),
  "proxy of {}": () => new Proxy({}, {}),
  "proxy of []": () => new Proxy([], {}),
  "throwing proxy": () => new Proxy({}, { get: throwing, has: throwing, getPrototypeOf: throwing, ownKeys: throwing }),
  "revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
};

/** Buffers and views that belong to no pool, and objects that imitate a buffer or a view. */
export const FOREIGN_BUFFERS: Readonly<Record<string, (scene: Context) => unknown>> = {
  "ArrayBuffer": () => new ArrayBuffer(64),
  "empty ArrayBuffer": () => new ArrayBuffer(0),
  "frozen ArrayBuffer": () => Object.freeze(new ArrayBuffer(64)),
  "resizable ArrayBuffer": () => new ArrayBuffer(64, { maxByteLength: 4096 }),
  "detached ArrayBuffer": () => detached(new ArrayBuffer(64)),
  "subclass of ArrayBuffer": () => new (class Mine extends ArrayBuffer {})(64),
  "WebAssembly memory": () => new WebAssembly.Memory({ initial: 1 }).buffer,
  "SharedArrayBuffer": () => new SharedArrayBuffer(64),
  "growable SharedArrayBuffer": () => new SharedArrayBuffer(64, { maxByteLength: 4096 }),
  "proxy of a buffer": () => new Proxy(new ArrayBuffer(64), {}),
  "proxy of the block": ({ block }) => new Proxy(block, {}),
  "inherits from the block": ({ block }) => Object.create(block) as object,
  "inherits from ArrayBuffer": () => Object.create(ArrayBuffer.prototype) as object,
  "proxy says ArrayBuffer": () => new Proxy({}, { getPrototypeOf: () => ArrayBuffer.prototype }),
  "Uint8Array": () => new Uint8Array(64).fill(64),
  "encoded text": () => new TextEncoder().encode("text"),
  "empty Uint8Array": () => new Uint8Array(0),
  "Float64Array": () => new Float64Array(8),
  "BigInt64Array": () => new BigInt64Array(8),
  "DataView": () => new DataView(new ArrayBuffer(64)),
  "Node's Buffer": () => Buffer.alloc(64),
  "view on shared memory": () => new Int32Array(new SharedArrayBuffer(64)),
  "view on WebAssembly memory": () => new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer),
  "view on a detached buffer": () => {
    const buffer = new ArrayBuffer(64);
    const view = new Uint8Array(buffer);
    detached(buffer);
    return view;
  },
  "length-tracking view": () => new Uint8Array(new ArrayBuffer(64, { maxByteLength: 4096 })),
  "view out of bounds": () => {
    const buffer = new ArrayBuffer(64, { maxByteLength: 4096 });
    const view = new Uint8Array(buffer, 32);
    buffer.resize(16);
    return view;
  },
  "proxy of a view": () => new Proxy(new Uint8Array(8), {}),
  "proxy of a view on the block": ({ block }) => new Proxy(new Uint8Array(block), {}),
  "inherits from a view": ({ block }) => Object.create(new Uint8Array(block)) as object,
  "inherits from Uint8Array": () => Object.create(Uint8Array.prototype) as object,
  "view with another buffer": ({ block }) => withOwn(new Uint8Array(64), "buffer", block),
  "buffer with another byteLength": () => withOwn(new ArrayBuffer(64), "byteLength", 40),
};

/** Blocks, buffers and handles of the pool and of other pools, in every state. */
export const POOL_VALUES: Readonly<Record<string, (scene: Context) => unknown>> = {
  "the block": ({ block }) => block,
  "frozen block": ({ block }) => Object.freeze(block),
  "block without prototype": ({ block }) => Object.setPrototypeOf(block, null) as object,
  "block with a throwing byteLength": ({ block }) =>
    Object.defineProperty(block.transfer(), "byteLength", { get: throwing }),
  "block moved by transfer": ({ block }) => block.transfer(),
  "block moved, frozen": ({ block }) => Object.freeze(block.transfer()),
  "block moved, no prototype": ({ block }) => Object.setPrototypeOf(block.transfer(), null) as object,
  "block moved, fixed length": ({ block }) => block.transferToFixedLength(),
  "block moved by clone": ({ block }) => structuredClone(block, { transfer: [block] }),
  "Uint8Array on the block": ({ block }) => new Uint8Array(block),
  "empty view on the block": ({ block }) => new Uint8Array(block, 40),
  "subarray of the block": ({ block }) => new Uint8Array(block).subarray(8, 16),
  "non-extensible view": ({ block }) => Object.preventExtensions(new Uint8Array(block)),
  "DataView on the block": ({ block }) => new DataView(block, 7, 3),
  "Float64Array on the block": ({ block }) => new Float64Array(block, 8, 2),
  "BigInt64Array on the block": ({ block }) => new BigInt64Array(block),
  "Node's Buffer on the block": ({ block }) => Buffer.from(block, 3, 5),
  "view with a throwing buffer": ({ block }) =>
    Object.defineProperty(new Uint8Array(block), "buffer", { get: throwing }),
  "view without prototype": ({ block }) => Object.setPrototypeOf(new DataView(block), null) as object,
  "view cloned with its block": ({ block }) => structuredClone(new Uint8Array(block), { transfer: [block] }),
  "block after it was moved": ({ block }) => detached(block),
  "view on a block that was moved": ({ block }) => {
    const view = new Uint8Array(block);
    detached(block);
    return view;
  },
  "copy of the block": ({ block }) => structuredClone(block),
  "slice of the block": ({ block }) => block.slice(),
  "block grown by the engine": ({ block }) => block.transfer(64),
  "block shrunk by the engine": ({ block }) => block.transfer(39),
  "block emptied by the engine": ({ block }) => block.transfer(0),
  "freed block": ({ pool, block }) => freed(pool, block),
  "view on a freed block": ({ pool, block }) => {
    const view = new Uint8Array(block);
    freed(pool, block);
    return view;
  },
  "freed block, then moved": ({ pool, block }) => freed(pool, block).transfer(),
  "pool.buffer": ({ pool }) => pool.buffer,
  "view on pool.buffer": ({ pool }) => new Uint8Array(pool.buffer, 0, 40),
  "middle of pool.buffer": ({ pool }) => new Uint8Array(pool.buffer, 64, 64),
  "pool.buffer, moved": ({ pool }) => pool.buffer.transfer(),
  "another pool's block": ({ otherBlock }) => otherBlock,
  "view on another pool's block": ({ otherBlock }) => new Uint8Array(otherBlock),
  "another pool's freed block": ({ other }) => freed(other, present(other.alloc(40))),
  "another pool's buffer": ({ other }) => other.buffer,
  "a destroyed pool's block": () => {
    const destroyed = makePool();
    const block = present(destroyed.alloc(40));
    destroyed.destroy();
    return block;
  },
  "the pool": ({ pool }) => pool,
  "MemPool": () => MemPool,
  "the pool's handle": ({ pool }) => pool.handle,
  "handle, cloned": ({ pool }) => structuredClone(pool.handle),
  "handle with more fields": ({ pool }) => ({ ...pool.handle, size: -1, address: 64n, then: throwing }),
  "handle behind a proxy": ({ pool }) => new Proxy(pool.handle, {}),
  "handle, inherited": ({ pool }) => Object.create(pool.handle) as object,
  "handle with getters": ({ pool: { handle } }) => ({
    get format() {
      return handle.format;
    },
    get process() {
      return handle.process;
    },
    get id() {
      return handle.id;
    },
  }),
  "handle with a throwing id": ({ pool }) => Object.defineProperty({ ...pool.handle }, "id", { get: throwing }),
  "handle as JSON": ({ pool }) => JSON.stringify(pool.handle),
  "another pool's handle": ({ other }) => other.handle,
  "a destroyed pool's handle": () => {
    const destroyed = makePool();
    destroyed.destroy();
    return destroyed.handle;
  },
  "handle of no pool": ({ pool }) => ({ ...pool.handle, id: 2 ** 52 }),
  "handle of another process": ({ pool }) => ({ ...pool.handle, process: pool.handle.process + 1 }),
  "handle of another version": ({ pool }) => ({ ...pool.handle, format: pool.handle.format + 1 }),
};

function detached(buffer: ArrayBuffer): ArrayBuffer {
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

function freed(pool: MemPool, block: ArrayBuffer): ArrayBuffer {
  pool.free(block);
  return block;
}

function withOwn(object: object, name: string, value: unknown): object {
  return Object.defineProperty(object, name, { value });
}
