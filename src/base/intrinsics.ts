/**
 * What an object really is, by the engine's own getters. Reading a property instead, or `instanceof`, could run code of
 * the caller's, an own getter or a proxy's trap, in the middle of an operation; and it could be told a lie.
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

/** Length of an ArrayBuffer, 0 once it was moved away; undefined for anything else. */
export function byteLengthOf(value: unknown): number | undefined {
  try {
    return byteLength.call(value) as number;
  } catch {
    return undefined; // the getter throws for what is no ArrayBuffer, and for nothing else
  }
}

/** Length of what is known to be an ArrayBuffer, whatever its own properties say. */
export function lengthOfBuffer(buffer: ArrayBuffer): number {
  return byteLength.call(buffer) as number;
}

/**
 * Detaches a buffer and all views on it, without freeing its memory. Returns whether it is detached: the runtime silently
 * refuses while native code uses the buffer.
 */
export function detach(buffer: ArrayBuffer): boolean {
  if (!isDetached(buffer)) transfer.call(buffer, 0);
  return isDetached(buffer);
}

function isDetached(buffer: ArrayBuffer): boolean {
  return detached.call(buffer) as boolean;
}

/** The ArrayBuffer itself, or the buffer behind a view, shared or not; undefined for anything else. */
export function bufferBehind(value: unknown): ArrayBufferLike | undefined {
  if (ArrayBuffer.isView(value)) {
    const getter = typedArrayName.call(value) === undefined ? dataViewBuffer : typedArrayBuffer;
    return getter.call(value) as ArrayBufferLike;
  }
  return byteLengthOf(value) === undefined ? undefined : value as ArrayBuffer;
}

function getterOf(prototype: object, name: PropertyKey): Getter {
  return Object.getOwnPropertyDescriptor(prototype, name)!.get!;
}
