/** Values that no function of a pool may stumble over. tests/api/_hostile_table.ts says what is to become of each. */

import { Buffer } from "node:buffer";
import { MemPool, MemPoolError } from "mempool";
import { makePool, present } from "../support/pool.ts";

/** What a value is made from. Each case has a block of its own; what a value does to it is part of the case. */
export interface Scene {
  readonly pool: MemPool;
  /** A single allocated block, at offset 0. */
  readonly block: ArrayBuffer;
  /** Another pool, with this block in it. */
  readonly other: MemPool;
  readonly otherBlock: ArrayBuffer;
}

/** What values throw on purpose where a function runs code of theirs. */
export const ON_PURPOSE = new Error("thrown by the value");

function refuse(): never {
  throw ON_PURPOSE;
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

/** Functions and objects that are no buffers and have nothing to do with pools. */
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
  "throwing conversions": () => ({ valueOf: refuse, toString: refuse, toJSON: refuse, [Symbol.toPrimitive]: refuse }),
  "throwing toStringTag": () =>
    Object.defineProperty({}, Symbol.toStringTag, {
      get: refuse,
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
  "iterator is no function": () => ({ [Symbol.iterator]: 64, length: 0 }),
  "proxy of {}": () => new Proxy({}, {}),
  "proxy of []": () => new Proxy([], {}),
  "throwing proxy": () => new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse }),
  "revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
};

/** Buffers and views that are no pool's, and what pretends to be one. */
export const FOREIGN: Readonly<Record<string, (scene: Scene) => unknown>> = {
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
  "proxy of a view": ({ block }) => new Proxy(new Uint8Array(block), {}),
  "inherits from a view": ({ block }) => Object.create(new Uint8Array(block)) as object,
  "inherits from Uint8Array": () => Object.create(Uint8Array.prototype) as object,
  "view that names the block": ({ block }) => withOwn(new Uint8Array(64), "buffer", block),
  "buffer of another length": () => withOwn(new ArrayBuffer(64), "byteLength", 40),
};

/** The pool's own blocks and buffers, seen in every way, and what it no longer has or never had. */
export const POOLS: Readonly<Record<string, (scene: Scene) => unknown>> = {
  "the block": ({ block }) => block,
  "frozen block": ({ block }) => Object.freeze(block),
  "block without prototype": ({ block }) => Object.setPrototypeOf(block, null) as object,
  "block that hides its length": ({ block }) => Object.defineProperty(block.transfer(), "byteLength", { get: refuse }),
  "block moved by transfer": ({ block }) => block.transfer(),
  "block moved, frozen": ({ block }) => Object.freeze(block.transfer()),
  "block moved, no prototype": ({ block }) => Object.setPrototypeOf(block.transfer(), null) as object,
  "block moved, fixed length": ({ block }) => block.transferToFixedLength(),
  "block moved by clone": ({ block }) => structuredClone(block, { transfer: [block] }),
  "Uint8Array on it": ({ block }) => new Uint8Array(block),
  "empty view on it": ({ block }) => new Uint8Array(block, 40),
  "part of it": ({ block }) => new Uint8Array(block).subarray(8, 16),
  "fixed view on it": ({ block }) => Object.preventExtensions(new Uint8Array(block)),
  "DataView on it": ({ block }) => new DataView(block, 7, 3),
  "Float64Array on it": ({ block }) => new Float64Array(block, 8, 2),
  "BigInt64Array on it": ({ block }) => new BigInt64Array(block),
  "Node's Buffer on it": ({ block }) => Buffer.from(block, 3, 5),
  "view that hides its buffer": ({ block }) => Object.defineProperty(new Uint8Array(block), "buffer", { get: refuse }),
  "view without prototype": ({ block }) => Object.setPrototypeOf(new DataView(block), null) as object,
  "view moved with it": ({ block }) => structuredClone(new Uint8Array(block), { transfer: [block] }),
  "the buffer it moved from": ({ block }) => detached(block),
  "a view from before the move": ({ block }) => {
    const view = new Uint8Array(block);
    detached(block);
    return view;
  },
  "copy": ({ block }) => structuredClone(block),
  "slice": ({ block }) => block.slice(),
  "grown out of the pool": ({ block }) => block.transfer(64),
  "shrunk out of the pool": ({ block }) => block.transfer(39),
  "emptied": ({ block }) => block.transfer(0),
  "freed": ({ pool, block }) => freed(pool, block),
  "view on what is freed": ({ pool, block }) => {
    const view = new Uint8Array(block);
    freed(pool, block);
    return view;
  },
  "freed, then moved": ({ pool, block }) => freed(pool, block).transfer(),
  "pool.buffer": ({ pool }) => pool.buffer,
  "view on pool.buffer": ({ pool }) => new Uint8Array(pool.buffer, 0, 40),
  "middle of pool.buffer": ({ pool }) => new Uint8Array(pool.buffer, 64, 64),
  "pool.buffer, moved": ({ pool }) => pool.buffer.transfer(),
  "another pool's block": ({ otherBlock }) => otherBlock,
  "view on another pool's": ({ otherBlock }) => new Uint8Array(otherBlock),
  "freed in another pool": ({ other }) => freed(other, present(other.alloc(40))),
  "another pool's buffer": ({ other }) => other.buffer,
  "of a destroyed pool": () => {
    const gone = makePool();
    const block = present(gone.alloc(40));
    gone.destroy();
    return block;
  },
  "the pool": ({ pool }) => pool,
  "MemPool": () => MemPool,
  "the pool's handle": ({ pool }) => pool.handle,
  "its handle, cloned": ({ pool }) => structuredClone(pool.handle),
  "its handle and more": ({ pool }) => ({ ...pool.handle, size: -1, address: 64n, then: refuse }),
  "its handle behind a proxy": ({ pool }) => new Proxy(pool.handle, {}),
  "its handle, inherited": ({ pool }) => Object.create(pool.handle) as object,
  "its handle by getters": ({ pool: { handle } }) => ({
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
  "handle that throws": ({ pool }) => Object.defineProperty({ ...pool.handle }, "id", { get: refuse }),
  "its handle as JSON": ({ pool }) => JSON.stringify(pool.handle),
  "another pool's handle": ({ other }) => other.handle,
  "a destroyed pool's handle": () => {
    const gone = makePool();
    gone.destroy();
    return gone.handle;
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
