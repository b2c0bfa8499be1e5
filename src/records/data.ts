import type { RecordArrays } from "./types.ts";

/** The typed arrays over the data of a pool, by the type of their elements. `ref` is `i32`. */
export type DataArrays = Omit<RecordArrays, "ref">;

/** A typed array, for code that does not depend on the type of its elements. */
export interface AnyArray {
  readonly length: number;
  [index: number]: unknown;
}

/** Where the data come from. */
export interface DataSource {
  /** Must not be collected as long as accessors may be used: the end of the pool object ends the data. */
  readonly owner: object;
  /** The bytes of all blocks that exist now. */
  byteLength(): number;
  /** A buffer over them. */
  buffer(): ArrayBuffer;
}

/**
 * The data of a pool as typed arrays, for the accessors of one pool object. They cover the blocks that exist, so an index
 * that is wrong in any way reads `undefined`, and writes nothing.
 *
 * When another worker has made the pool grow, an accessor meets such an index too. So on every `undefined` it asks here,
 * and `refresh` covers the new blocks.
 */
export class RecordData {
  /** One object for good, so that accessors can keep it in a constant. Only its fields change. */
  readonly arrays: DataArrays;
  #buffer: ArrayBuffer;
  #source: DataSource | undefined;

  constructor(source: DataSource) {
    this.#source = source;
    this.#buffer = source.buffer();
    this.arrays = arraysOver(this.#buffer);
  }

  get buffer(): ArrayBuffer {
    return this.#buffer;
  }

  /** Covers all blocks that exist now. Returns whether anything has changed. */
  refresh(): boolean {
    if (this.#source === undefined || this.#source.byteLength() === this.#buffer.byteLength) return false;
    this.#cover(this.#source.buffer());
    return true;
  }

  /** Covers so many bytes, if the pool has grown to them. */
  ensure(byteLength: number): void {
    if (byteLength > this.#buffer.byteLength) this.refresh();
  }

  /** Covers nothing from now on: another pool may have these addresses. */
  end(): void {
    this.#source = undefined;
    this.#cover(new ArrayBuffer(0));
  }

  /** What an accessor returns whose index was not covered. */
  read(type: keyof DataArrays, index: number): unknown {
    return this.refresh() ? (this.arrays[type] as AnyArray)[index] : undefined;
  }

  /** What an accessor does with a value whose index was not covered. */
  write(type: keyof DataArrays, index: number, value: unknown): void {
    if (this.refresh()) (this.arrays[type] as AnyArray)[index] = value;
  }

  #cover(buffer: ArrayBuffer): void {
    this.#buffer = buffer;
    Object.assign(this.arrays, arraysOver(buffer));
  }
}

/**
 * A class of its own for every call. V8 notes for each class which fields are assigned once, and folds those of constants
 * into the code: without this, the growth of one pool would make the accessors of all pools slower.
 */
function arraysOver(buffer: ArrayBuffer): DataArrays {
  class Arrays implements DataArrays {
    i8 = new Int8Array(buffer);
    u8 = new Uint8Array(buffer);
    i16 = new Int16Array(buffer);
    u16 = new Uint16Array(buffer);
    i32 = new Int32Array(buffer);
    u32 = new Uint32Array(buffer);
    f32 = new Float32Array(buffer);
    f64 = new Float64Array(buffer);
    i64 = new BigInt64Array(buffer);
    u64 = new BigUint64Array(buffer);
  }
  return new Arrays();
}
