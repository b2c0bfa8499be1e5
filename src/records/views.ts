import { define, firstIndexOf } from "./closures.ts";
import type { DataArrays, RecordData } from "./data.ts";
import type { FieldPlace } from "./places.ts";

const CONSTRUCTORS = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
} satisfies { readonly [K in keyof DataArrays]: unknown };

/** A buffer that belongs to one record of a checked pool. Throws unless `ref` names a record of the layout. */
export type BufferOfRecord = (action: string, ref: unknown) => ArrayBuffer;

/**
 * The functions that make typed arrays over array fields. In a checked pool they lie over a buffer of the record alone,
 * which is detached when the record is freed. Elsewhere they lie over the buffer of the whole data.
 */
export function viewsOf(places: readonly FieldPlace[], data: RecordData, bufferOf?: BufferOfRecord): object {
  class View {}
  for (const place of places.filter(({ isArray }) => isArray)) {
    const { name, array, offset, length } = place;
    const Constructor = CONSTRUCTORS[array] as Uint8ArrayConstructor; // any of them is used in the same way
    const unchecked = (): (ref: number) => Uint8Array => {
      const firstIndex = firstIndexOf(place);
      const elementBytes = Constructor.BYTES_PER_ELEMENT;
      return (ref) => {
        const start = firstIndex(ref) * elementBytes;
        const end = start + length * elementBytes;
        if (end > data.buffer.byteLength) data.refresh();
        // A reference that is NaN or a fraction does not pass the comparisons either.
        const isInside = start % elementBytes === 0 && start >= 0 && end <= data.buffer.byteLength;
        return isInside ? new Constructor(data.buffer, start, length) : new Constructor(0);
      };
    };
    const checked = (buffers: BufferOfRecord) => (ref: number) =>
      new Constructor(buffers(`view field ${name}`, ref), offset, length);
    define(View, name, { value: bufferOf === undefined ? unchecked() : checked(bufferOf) });
  }
  return new View();
}
