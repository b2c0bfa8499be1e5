/**
 * Reads the internal state of objects through the engine's own getters. Reading a property or `instanceof` could run
 * the caller's code (a getter or a proxy trap) in the middle of an operation, and could return a wrong value.
 *
 * @module
 */

type Getter = (this: unknown) => unknown;

const TypedArray = Object.getPrototypeOf(Uint8Array) as Uint8ArrayConstructor;
const byteLength = getterOf(ArrayBuffer.prototype, "byteLength");
const detached = getterOf(ArrayBuffer.prototype, "detached");
const { transfer } = ArrayBuffer.prototype;
const typedArrayName = getterOf(TypedArray.prototype, Symbol.toStringTag);
const typedArrayBuffer = getterOf(TypedArray.prototype, "buffer");
const dataViewBuffer = getterOf(DataView.prototype, "buffer");

/** Returns the length of an ArrayBuffer, 0 if it is detached, and undefined for any other value. */
export function byteLengthOf(value: unknown): number | undefined {
  try {
    return byteLength.call(value) as number;
  } catch {
    return undefined; // the getter throws only if the value is not an ArrayBuffer
  }
}

/** Returns the length of a value that is known to be an ArrayBuffer. Its own properties have no influence. */
export function lengthOfBuffer(buffer: ArrayBuffer): number {
  return byteLength.call(buffer) as number;
}

/**
 * Detaches a buffer and all views on it, without freeing its memory. Returns whether it is detached: Bun silently refuses
 * while native code uses the buffer, and Deno throws if the buffer is marked as untransferable.
 */
export function detach(buffer: ArrayBuffer): boolean {
  if (isDetached(buffer)) return true;
  try {
    transfer.call(buffer, 0);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return isDetached(buffer);
}

/** Whether a buffer is detached. Shared memory never is. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  return byteLengthOf(buffer) !== undefined && detached.call(buffer) as boolean;
}

/** Returns an ArrayBuffer itself, the buffer of a view, which may be shared, and undefined for any other value. */
export function bufferBehind(value: unknown): ArrayBufferLike | undefined {
  if (ArrayBuffer.isView(value)) {
    const getter = typedArrayName.call(value) === undefined ? dataViewBuffer : typedArrayBuffer;
    return getter.call(value) as ArrayBufferLike;
  }
  return byteLengthOf(value) === undefined ? undefined : value as ArrayBuffer;
}

/** Runtimes that are too old for a pool may lack a getter. They import this module too, and then learn their version. */
function getterOf(prototype: object, name: PropertyKey): Getter {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as Getter;
}
