/**
 * The type of a field, or of the elements of an array field: a number of 8 to 64 bits, signed (`i`), unsigned (`u`) or
 * floating (`f`), or a `ref`, which is the reference of a record of the same pool, or -1.
 *
 * `i64` and `u64` are `bigint`s in JavaScript, all others are `number`s.
 *
 * @example A list of types
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { record, type RecordType } from "mempool";
 *
 * const types: RecordType[] = ["i8", "i16", "f32", "u64", "ref"];
 * assertEquals(types.map((type) => record({ field: type }).byteLength), [1, 2, 4, 8, 4]);
 * ```
 */
export type RecordType = "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "f32" | "f64" | "i64" | "u64" | "ref";

/**
 * The fields of a record, by name: a type for a single value, `[type, length]` for an array. Names are identifiers.
 * Neither `ref` nor `__proto__` is allowed.
 *
 * @example Fields in a constant of their own
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { record, type RecordFields } from "mempool";
 *
 * const position = { x: "f32", y: "f32" } as const satisfies RecordFields;
 * assertEquals(record({ ...position, name: ["u8", 20] }).byteLength, 28);
 * ```
 */
export type RecordFields = { readonly [name: string]: RecordType | readonly [type: RecordType, length: number] };

/**
 * The typed array that `view` makes over an array field, by the type of the elements.
 *
 * @example A function for arrays of one type
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool, record, type RecordArrays } from "mempool";
 *
 * const sum = (weights: RecordArrays["f32"]) => weights.reduce((sum, weight) => sum + weight, 0);
 * using pool = MemPool.init(1024, 64);
 * const rows = pool.records(record({ weights: ["f32", 4] }));
 * assertEquals(sum(rows.view.weights(rows.calloc()).fill(2)), 8);
 * ```
 */
export interface RecordArrays {
  /** 8 bits, signed. */
  i8: Int8Array;
  /** 8 bits, unsigned. */
  u8: Uint8Array;
  /** 16 bits, signed. */
  i16: Int16Array;
  /** 16 bits, unsigned. */
  u16: Uint16Array;
  /** 32 bits, signed. */
  i32: Int32Array;
  /** 32 bits, unsigned. */
  u32: Uint32Array;
  /** 32 bits, floating. */
  f32: Float32Array;
  /** 64 bits, floating. */
  f64: Float64Array;
  /** 64 bits, signed. */
  i64: BigInt64Array;
  /** 64 bits, unsigned. */
  u64: BigUint64Array;
  /** References. */
  ref: Int32Array;
}

/**
 * The atomic operations on one field. They do what those of `Atomics` do, and are exact between workers.
 *
 * @example A counter that all workers share
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool, record, type RecordAtomics } from "mempool";
 *
 * const Totals = record({ visits: "u32" });
 * using pool = MemPool.init(1024, 64);
 * const totals = pool.records(Totals);
 * const visits: RecordAtomics<number> = totals.atomics.visits;
 * const total = totals.calloc();
 * assertEquals([visits.add(total, 5), visits.load(total)], [0, 5]);
 * ```
 */
export interface RecordAtomics<V extends number | bigint = number> {
  /** Reads the field. */
  load(ref: number): V;
  /** Writes the field. */
  store(ref: number, value: V): void;
  /** Adds to the field, with the overflow of its type. Returns the value before. */
  add(ref: number, value: V): V;
  /** Writes the field. Returns the value before. */
  exchange(ref: number, value: V): V;
  /** Writes the field if it has the expected value. Returns the value before. */
  compareExchange(ref: number, expected: V, replacement: V): V;
}

/**
 * The layout of a record: plain data, frozen, and independent of any pool. Made by {@linkcode record}.
 *
 * @example Where the fields are
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { record, type RecordFields, type RecordLayout } from "mempool";
 *
 * const offsets = (layout: RecordLayout<RecordFields>) => Object.values(layout.fields).map(({ offset }) => offset);
 * assertEquals(offsets(record({ a: "u8", b: "f64" })), [8, 0]);
 * assertEquals(offsets(record({ a: "u8", b: "f64" }, { order: "c" })), [0, 8]);
 * ```
 */
export interface RecordLayout<F extends RecordFields = RecordFields> {
  /** The name that `record` was given, or the names of the fields in braces. Reports and messages show it. */
  readonly name: string;
  /** Bytes of a record, a multiple of its largest alignment. */
  readonly byteLength: number;
  /** Each field: the type of its elements, its distance from the start of the record in bytes, and its length. */
  readonly fields: {
    readonly [K in keyof F]: {
      readonly type: F[K] extends RecordType ? F[K]
        : F[K] extends readonly [infer T extends RecordType, number] ? T
        : RecordType;
      readonly offset: number;
      readonly length: number;
    };
  };
}

/**
 * A cursor reads and writes the fields of the record that its `ref` names, like the properties of an object. It is moved
 * from record to record by assigning `ref`, where other programs would make an object each. Array fields are not on it.
 *
 * @example Follow the links of a list
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool, record } from "mempool";
 *
 * const Node = record({ next: "ref", value: "f64" });
 * using pool = MemPool.init(1024, Node.byteLength);
 * const nodes = pool.records(Node);
 * const cursor = nodes.cursor();
 * let first = -1;
 * for (const value of [1, 2, 3]) {
 *   cursor.ref = nodes.alloc();
 *   cursor.next = first;
 *   cursor.value = value;
 *   first = cursor.ref;
 * }
 * let sum = 0;
 * for (cursor.ref = first; cursor.ref >= 0; cursor.ref = cursor.next) sum += cursor.value;
 * assertEquals(sum, 6);
 * ```
 */
export type RecordCursor<F extends RecordFields = RecordFields> =
  & { ref: number }
  & { -readonly [K in keyof F as F[K] extends RecordType ? K : never]: F[K] extends "i64" | "u64" ? bigint : number };

/**
 * The records of one layout in a pool. A record is named by its _reference_: the number of its first block, from 0 to
 * below 2^28, which is the same in every worker.
 *
 * - Accessors take the reference first; those of array fields then take the index. Values are converted as typed arrays
 *   convert them.
 * - Any worker may use any record. Which worker reads or writes a record when is the task of the callers, as for every
 *   block; `atomics` are exact between workers.
 * - A pool that is not checked checks nothing. A wrong reference or index reads something unspecified, or `undefined`,
 *   and a write to it may change another record. It never faults, and it never reaches the pool's own data.
 * - In a checked pool, accessors throw {@linkcode MemPoolError} "stale-reference" for a reference that is not an
 *   allocated record of this layout's length, and `TypeError` or `RangeError` for one that is no whole number, and for an
 *   index that is outside of the field.
 * - Where a program may not compile code from strings, accessors work too, only slower.
 * - `console.log` of the records shows their name, bytes and fields, and how many are allocated. A pool that is not checked
 *   does not know what an allocation is for, so it counts all that have the length of these records.
 * - Once the pool is destroyed or its object closed, `alloc`, `calloc`, `free`, `allocMany` and `freeMany` throw as those
 *   of the pool do. Accessors read `undefined` and write nothing; in a checked pool they throw as well.
 *
 * @example A record by its reference
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool, record } from "mempool";
 *
 * const Node = record({ next: "ref", cost: "f64", tiles: ["u8", 16] });
 * using pool = MemPool.init(1024, Node.byteLength);
 * const nodes = pool.records(Node);
 * const node = nodes.calloc();
 * nodes.set.cost(node, 1.5);
 * nodes.set.tiles(node, 3, 7);
 * assertEquals([nodes.get.cost(node), nodes.get.tiles(node, 3)], [1.5, 7]);
 * assertEquals([...nodes.view.tiles(node).subarray(2, 5)], [0, 7, 0]);
 * nodes.free(node);
 * ```
 */
export interface Records<F extends RecordFields = RecordFields> {
  /** The layout of these records. */
  readonly layout: RecordLayout<F>;

  /** Reads a field: `get.name(ref)`, or `get.name(ref, index)` for an array field. */
  readonly get: {
    readonly [K in keyof F]: F[K] extends infer T
      ? T extends readonly [infer E, number] ? (ref: number, index: number) => E extends "i64" | "u64" ? bigint : number
      : (ref: number) => T extends "i64" | "u64" ? bigint : number
      : never;
  };

  /** Writes a field: `set.name(ref, value)`, or `set.name(ref, index, value)` for an array field. */
  readonly set: {
    readonly [K in keyof F]: F[K] extends infer T
      ? T extends readonly [infer E, number]
        ? E extends "i64" | "u64" ? (ref: number, index: number, value: bigint) => void
        : (ref: number, index: number, value: number) => void
      : T extends "i64" | "u64" ? (ref: number, value: bigint) => void
      : (ref: number, value: number) => void
      : never;
  };

  /**
   * Makes a typed array over an array field: `view.name(ref)`. It costs an object, and is valid as long as the record is
   * allocated. In a checked pool it is detached when the record is freed. For a wrong reference it is empty.
   */
  readonly view: {
    readonly [K in keyof F as F[K] extends RecordType ? never : K]: Exclude<F[K], RecordType> extends
      readonly [infer T extends RecordType, number] ? (ref: number) => RecordArrays[T] : never;
  };

  /**
   * Atomic operations on a field that is a single integer or reference of 32 or 64 bits: `atomics.name.add(ref, 1)`.
   * Example: {@linkcode RecordAtomics}.
   */
  readonly atomics: {
    readonly [K in keyof F as F[K] extends "i32" | "u32" | "i64" | "u64" | "ref" ? K : never]: RecordAtomics<
      F[K] extends "i64" | "u64" ? bigint : number
    >;
  };

  /**
   * Allocates a record, whose contents are unspecified. Costs and errors are those of {@linkcode MemPool.allocOffset}.
   *
   * @returns The reference, or -1 when no run of free blocks fits.
   */
  alloc(): number;

  /**
   * Allocates a record with every byte 0, as {@linkcode MemPool.callocOffset} does. Links of 0 are references of the first
   * block: store -1 where there is no record.
   *
   * @returns The reference, or -1 when no run of free blocks fits.
   */
  calloc(): number;

  /**
   * Frees a record, as {@linkcode MemPool.freeOffset} does.
   *
   * @param ref A result of `alloc` or `calloc`, in any worker.
   * @throws {TypeError | RangeError} `ref` is not a whole number from 0 up.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  free(ref: number): void;

  /**
   * Allocates several records, or none. Takes the lock, and time proportional to their number.
   *
   * @param count How many: a whole number from 0 up.
   * @returns Their references, or `null` when they do not all fit.
   * @throws {TypeError | RangeError} `count` is not a number, or not such a whole number.
   */
  allocMany(count: number): Int32Array | null;

  /**
   * Frees several records, or none: all are validated before any is freed. A record that is named twice is a double free.
   *
   * @param refs References, each once: an array, an `Int32Array` or another iterable.
   * @throws {TypeError | RangeError} `refs` is no iterable of whole numbers from 0 up.
   * @throws {MemPoolError} "double-free" or "foreign-block", unless the pool's `onMisuse` is "warn".
   */
  freeMany(refs: Iterable<number>): void;

  /**
   * Makes a cursor.
   *
   * @param ref The record that it names at first; -1 unless given.
   */
  cursor(ref?: number): RecordCursor<F>;

  /**
   * The distance of a record from the start of the data, in bytes. `pool.at(nodes.offsetOf(ref))` is the record as an
   * ArrayBuffer.
   *
   * @throws {TypeError | RangeError} `ref` is not a whole number from 0 to below what the pool can ever hold.
   */
  offsetOf(ref: number): number;

  /**
   * The reference of the record at an offset, the inverse of `offsetOf`.
   *
   * @throws {TypeError | RangeError} `offset` is not a whole number from 0 up.
   * @throws {MemPoolError} "foreign-block": no block starts there.
   */
  refAt(offset: number): number;
}
