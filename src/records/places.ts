import type { PlacedField } from "./layout.ts";
import type { DataArrays } from "./data.ts";

/** The blocks of a pool, as far as the places of its records depend on them. */
export interface Blocks {
  readonly blockSize: number;
  /** How many blocks the pool may grow to. */
  readonly capacity: number;
}

/**
 * How the index of an element follows from a reference. Every way computes a number whatever the reference is, except
 * that a bigint or a symbol throws. Which one is faster was measured: see docs/decisions.md.
 *
 * - `int32`: the array has at most 2^31 elements.
 * - `uint32`: at most 2^32.
 * - `double`: more.
 */
export type Arithmetic = "int32" | "uint32" | "double";

/** Where the values of a field are in the data of a pool. */
export interface FieldPlace {
  readonly name: string;
  /** The typed array that has them. */
  readonly array: keyof DataArrays;
  /** Elements from a block to the next one. */
  readonly stride: number;
  /** Index of the first value in the record of block 0. */
  readonly first: number;
  readonly length: number;
  readonly isArray: boolean;
  readonly arithmetic: Arithmetic;
  /** Distance from the start of a record, in bytes. */
  readonly offset: number;
  /** Whether the field has atomic operations. */
  readonly isAtomic: boolean;
}

export function placesOf(fields: readonly PlacedField[], { blockSize, capacity }: Blocks): FieldPlace[] {
  return fields.map(({ name, type, length, isArray, offset, size }) => {
    const array = type === "ref" ? "i32" : type;
    const elements = capacity * blockSize / size;
    return {
      name,
      array,
      stride: blockSize / size,
      first: offset / size,
      length,
      isArray,
      arithmetic: elements <= 2 ** 31 ? "int32" : elements <= 2 ** 32 ? "uint32" : "double",
      offset,
      isAtomic: !isArray && size >= 4 && !array.startsWith("f"),
    };
  });
}
