import { bufferBehind } from "./intrinsics.ts";

/** A message shows this many characters of a value. */
const MAX_SHOWN = 100;

/** Checks a number of bytes or members: a whole number from 1 up, of any size. */
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

/** The product of the arguments of `calloc`. Throws if it is not exact. */
export function productOf(action: string, numMembers: unknown, size: unknown): number {
  checkCount(action, "numMembers", numMembers);
  checkCount(action, "size", size);
  return exactProduct(action, "numMembers * size", numMembers, size);
}

/** The product of two whole numbers. Throws if it is not exact. `names` stands for the product in the message. */
export function exactProduct(action: string, names: string, one: number, other: number): number {
  const bytes = one * other;
  if (bytes <= 2 ** 53) return bytes;
  throw new RangeError(`Cannot ${action}: ${names} must not exceed 2^53, got ${one} * ${other}`);
}

/**
 * Checks that a value is an ArrayBuffer or a view on one, so that it could be a block. Returns the buffer. Runs no code
 * of the caller.
 */
export function checkBlock(action: string, block: unknown): ArrayBufferLike {
  const buffer = bufferBehind(block);
  if (buffer === undefined) {
    throw new TypeError(
      `Cannot ${action}: block must be an ArrayBuffer or a view on one, got ${describe(block)}`,
    );
  }
  return buffer;
}

/** Checks that a value is an iterable of possible blocks of a pool with this capacity. Returns them. */
export function checkBlocks(action: string, blocks: unknown, capacity: number): object[] {
  return checkEach<object>(action, "blocks must be an iterable of blocks", blocks, capacity, (block) => {
    checkBlock(action, block);
  });
}

/** Checks that a value is an iterable of possible references of a pool with this capacity. Returns them. */
export function checkRefs(action: string, refs: unknown, capacity: number): number[] {
  return checkEach<number>(action, "refs must be an iterable of references", refs, capacity, (ref) => {
    checkFromZero(action, "ref", ref);
  });
}

function checkEach<T>(
  action: string,
  demand: string,
  values: unknown,
  capacity: number,
  check: (value: unknown) => void,
): T[] {
  if (!isIterable(values)) throw new TypeError(`Cannot ${action}: ${demand}, got ${describe(values)}`);
  const given: T[] = [];
  for (const value of values) {
    check(value);
    given.push(value as T);
    // One more than the capacity cannot all be allocated, so the call is refused later. Stopping here ends the loop
    // even if the iterable is endless.
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
    return "an object"; // it is a revoked proxy, or a getter of the caller has thrown
  }
}

function shortened(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return (typeof value === "object" || typeof value === "function") &&
    typeof (value as Iterable<unknown> | null)?.[Symbol.iterator] === "function";
}
