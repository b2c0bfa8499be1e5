import { checkCount, describe, exactProduct } from "./base/arguments.ts";

/**
 * The constructor of a typed array, such as `Float64Array`: an argument of {@linkcode MemPool.allocArray}.
 *
 * Only the engine's own constructors are accepted, `Float16Array` included where the engine has it. For a subclass,
 * pass the result of `alloc` to its constructor.
 *
 * @example A function for arrays of any type
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool, type TypedArrayConstructor } from "mempool";
 *
 * using pool = MemPool.init(1024, 64);
 * const bytesOf = (type: TypedArrayConstructor) => pool.allocArray(type, 10)!.byteLength;
 * assertEquals([Uint8Array, Int16Array, BigInt64Array].map(bytesOf), [10, 20, 80]);
 * ```
 */
export type TypedArrayConstructor =
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Uint8ClampedArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor
  // A program that uses the library may be compiled without the types of ES2025.
  | (typeof globalThis extends { Float16Array: infer Float16ArrayConstructor } ? Float16ArrayConstructor : never)
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor;

/** The engine's own constructors. None of them runs code of the caller's, and each makes an array of its type. */
const CONSTRUCTORS: ReadonlySet<unknown> = new Set<unknown>([
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  ...("Float16Array" in globalThis ? [globalThis.Float16Array] : []),
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
]);

/** The bytes of an array of this type and length. Checks both arguments. */
export function bytesOfArray(type: TypedArrayConstructor, length: unknown): number {
  if (!CONSTRUCTORS.has(type)) {
    throw new TypeError(
      `Cannot allocate: type must be one of the engine's typed array constructors, got ${describe(type)}`,
    );
  }
  checkCount("allocate", "length", length);
  return exactProduct("allocate", "length * BYTES_PER_ELEMENT", length, type.BYTES_PER_ELEMENT);
}

/** The array over a whole buffer, whose length is that of `bytesOfArray`. */
export function arrayOver<T extends TypedArrayConstructor>(type: T, buffer: ArrayBuffer): InstanceType<T> {
  return new (type as Float64ArrayConstructor)(buffer) as InstanceType<T>;
}
