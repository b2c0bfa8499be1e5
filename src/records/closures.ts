import { describe } from "../base/arguments.ts";
import type { AnyArray, DataArrays, RecordData } from "./data.ts";
import type { FieldPlace } from "./places.ts";
import type { RecordCursor } from "./types.ts";

export type CursorClass = new (ref: number) => RecordCursor;

/** The accessors of a layout's records in one pool object. Fields are methods and accessor properties of their classes. */
export interface Accessors {
  readonly get: object;
  readonly set: object;
  readonly Cursor: CursorClass;
  /** The operations on each field, in the order of the fields; undefined where it has none. */
  readonly atomics: readonly (object | undefined)[];
}

/** What a checked pool does before each access: throws unless `ref` names a record of the layout. */
export type CheckRecord = (action: string, ref: unknown) => void;

type Value = number | bigint;

/** Reads and writes of one field. */
interface Access {
  read(ref: number, index: number): unknown;
  write(ref: number, index: number, value: Value): void;
  /** The index of a value in `array`, or -1 if it is not covered. */
  atomicIndex(action: string, ref: number): number;
}

/**
 * Accessors of functions that keep the numbers of the layout in variables: for checked pools, and for programs that may
 * not compile code.
 */
export function closureAccessors(places: readonly FieldPlace[], data: RecordData, check?: CheckRecord): Accessors {
  class Get {}
  class Set {}
  class Cursor {
    ref: number;
    constructor(ref: number) {
      this.ref = ref;
    }
  }
  const atomics = places.map((place) => {
    const access = accessOf(place, data, check);
    const { isArray, name } = place;
    define(Get, name, {
      value: isArray ? (ref: number, index: number) => access.read(ref, index) : (ref: number) => access.read(ref, 0),
    });
    define(Set, name, {
      value: isArray
        ? (ref: number, index: number, value: Value) => access.write(ref, index, value)
        : (ref: number, value: Value) => access.write(ref, 0, value),
    });
    if (!isArray) {
      define(Cursor, name, {
        get(this: Cursor) {
          return access.read(this.ref, 0);
        },
        set(this: Cursor, value: Value) {
          access.write(this.ref, 0, value);
        },
      });
    }
    return place.isAtomic ? atomicOperations(place, data, access) : undefined;
  });
  return { get: new Get(), set: new Set(), Cursor: Cursor as CursorClass, atomics };
}

/** Adds a field to a class of accessors. */
export function define(owner: { readonly prototype: object }, name: string, descriptor: PropertyDescriptor): void {
  Object.defineProperty(owner.prototype, name, { ...descriptor, configurable: true });
}

/** What the index of a field's first value in a record is: see `Arithmetic`. */
export function firstIndexOf({ stride, first, arithmetic }: FieldPlace): (ref: number) => number {
  switch (arithmetic) {
    case "int32":
      return (ref) => Math.imul(ref, stride) + first | 0;
    case "uint32":
      return (ref) => Math.imul(ref, stride) + first >>> 0;
    case "double":
      return (ref) => ref * stride + first;
  }
}

function accessOf(place: FieldPlace, data: RecordData, check?: CheckRecord): Access {
  const { array, name } = place;
  const { arrays } = data;
  const firstIndex = firstIndexOf(place);
  const indexOf = (action: string, ref: number, index: number): number => {
    if (check !== undefined) {
      check(`${action} field ${name}`, ref);
      checkIndex(`${action} field ${name}`, index, place);
    }
    return firstIndex(ref) + +index;
  };
  return {
    read(ref, index) {
      const at = indexOf("read", ref, index);
      const value = (arrays[array] as AnyArray)[at];
      return value !== undefined ? value : data.read(array, at);
    },
    write(ref, index, value) {
      const at = indexOf("write", ref, index);
      const covering = arrays[array] as AnyArray;
      if (covering[at] !== undefined) covering[at] = value;
      else data.write(array, at, value);
    },
    atomicIndex(action, ref) {
      const at = indexOf(action, ref, 0);
      const isCovered = (arrays[array] as AnyArray)[at] !== undefined || data.read(array, at) !== undefined;
      return isCovered ? at : -1;
    },
  };
}

/** `Atomics`, with the arrays that a field with atomic operations may have reduced to one of them. */
type Words = Int32Array;

function atomicOperations({ array }: FieldPlace, { arrays }: RecordData, access: Access): object {
  const { atomicIndex } = access;
  const words = (): Words => arrays[array as keyof DataArrays & "i32"];
  return {
    load(ref: number) {
      const at = atomicIndex("read", ref);
      return at < 0 ? undefined : Atomics.load(words(), at);
    },
    store(ref: number, value: number) {
      const at = atomicIndex("write", ref);
      if (at >= 0) Atomics.store(words(), at, value);
    },
    add(ref: number, value: number) {
      const at = atomicIndex("write", ref);
      return at < 0 ? undefined : Atomics.add(words(), at, value);
    },
    exchange(ref: number, value: number) {
      const at = atomicIndex("write", ref);
      return at < 0 ? undefined : Atomics.exchange(words(), at, value);
    },
    compareExchange(ref: number, expected: number, replacement: number) {
      const at = atomicIndex("write", ref);
      return at < 0 ? undefined : Atomics.compareExchange(words(), at, expected, replacement);
    },
  };
}

function checkIndex(action: string, index: unknown, { isArray, length }: FieldPlace): void {
  if (!isArray) return;
  if (typeof index !== "number") {
    throw new TypeError(`Cannot ${action}: index must be a number, got ${describe(index)}`);
  }
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new RangeError(`Cannot ${action}: index must be a whole number from 0 to ${length - 1}, got ${index}`);
  }
}
