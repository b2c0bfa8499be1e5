import { bufferBehind } from "./intrinsics.ts";

/** The number of characters of a value that a message shows. */
const MAX_SHOWN = 100;

/** Checks a number of bytes or members: a whole number from 1 up, however large. */
export function checkCount(action: string, name: string, value: unknown): asserts value is number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action}: ${name} must be a number, got ${describe(value)}`);
  }
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`Cannot ${action}: ${name} must be a whole number from 1 up, got ${value}`);
  }
}

/** Checks an offset or a number of blocks: a whole number from 0 up. */
export function checkFromZero(action: string, name: string, value: unknown): asserts value is number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action}: ${name} must be a number, got ${describe(value)}`);
  }
  if (!Number.isInteger(value) || value < 0) {
    throw new RangeError(`Cannot ${action}: ${name} must be a whole number from 0 up, got ${value}`);
  }
}

/** The product of calloc's arguments, which must be exact. */
export function productOf(action: string, numMembers: unknown, size: unknown): number {
  checkCount(action, "numMembers", numMembers);
  checkCount(action, "size", size);
  return exactProduct(action, "numMembers * size", numMembers, size);
}

/** The product of two whole numbers, which must be exact; `names` is what messages call it. */
export function exactProduct(action: string, names: string, one: number, other: number): number {
  const bytes = one * other;
  if (bytes <= 2 ** 53) return bytes;
  throw new RangeError(`Cannot ${action}: ${names} must not exceed 2^53, got ${one} * ${other}`);
}

/** Checks that something could be a block, an ArrayBuffer or a view on one; returns the buffer. Runs no code of the caller's. */
export function checkBlock(action: string, block: unknown): ArrayBufferLike {
  const buffer = bufferBehind(block);
  if (buffer === undefined) {
    throw new TypeError(
      `Cannot ${action}: block must be an ArrayBuffer or a view on one, got ${describe(block)}`,
    );
  }
  return buffer;
}

/** Checks that something is an iterable of what could be blocks of a pool that may have so many; returns them. */
export function checkBlocks(action: string, blocks: unknown, capacity: number): object[] {
  if (!isIterable(blocks)) {
    throw new TypeError(`Cannot ${action}: blocks must be an iterable of blocks, got ${describe(blocks)}`);
  }
  const given: object[] = [];
  for (const block of blocks) {
    checkBlock(action, block);
    given.push(block as object);
    // More than there can be cannot all be allocated: enough to refuse them, also where the iterable never ends.
    if (given.length > capacity) break;
  }
  return given;
}

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return shortened(JSON.stringify(shortened(value)));
    case "bigint":
      return shortened(`${value}n`);
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : describeObject(value);
    default:
      return shortened(String(value));
  }
}

function describeObject(value: object): string {
  try {
    return shortened(`an object (${Object.prototype.toString.call(value).slice(8, -1)})`);
  } catch {
    return "an object"; // a revoked proxy cannot say what it is, and a getter of the caller's may throw
  }
}

function shortened(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return (typeof value === "object" || typeof value === "function") &&
    typeof (value as Iterable<unknown> | null)?.[Symbol.iterator] === "function";
}
