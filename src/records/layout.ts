import { describe } from "../base/arguments.ts";
import type { RecordFields, RecordLayout, RecordType } from "./types.ts";

/** Bytes of an element of each type, which are also its alignment. */
const SIZES: ReadonlyMap<unknown, number> = new Map<RecordType, number>([
  ["i8", 1],
  ["u8", 1],
  ["i16", 2],
  ["u16", 2],
  ["i32", 4],
  ["u32", 4],
  ["f32", 4],
  ["f64", 8],
  ["i64", 8],
  ["u64", 8],
  ["ref", 4],
]);

/** A field before it has a place. */
interface Field {
  readonly name: string;
  readonly type: RecordType;
  readonly length: number;
  readonly isArray: boolean;
}

/** A field in its place. */
export interface PlacedField extends Field {
  /** Distance from the start of the record, in bytes: a multiple of `size`. */
  readonly offset: number;
  /** Bytes of an element. */
  readonly size: number;
}

/** What `record` has made, with the fields that the accessors are made from. No other object is a layout. */
const made = new WeakMap<object, readonly PlacedField[]>();

/**
 * `MAX_SHOWN` of src/base/arguments.ts cuts longer names in messages anyway, and the allocation log has room for so much
 * beside a stack.
 */
const LONGEST_NAME = 100;

/**
 * Describes a record: its fields, and where each one lies. Define a layout once, at the level of a module, and import
 * that module in every worker: records of equal layouts are the same in each.
 *
 * @param fields The type of each field: see {@linkcode RecordFields}. Array lengths are whole numbers from 1 up.
 * @param options `order: "compact"`, the default, sorts the fields by alignment, largest first, so that there are no gaps
 *   between them. `"c"` keeps the declared order with the alignment and the padding of a struct in C, for records that C
 *   code reads as well. `name`, of 1 to 100 characters without control characters, is shown in reports and messages.
 * @returns The layout, for {@linkcode MemPool.records}.
 * @throws {TypeError} There is no field; a name is not an identifier, or is `ref` or `__proto__`; a type is unknown; an
 *   option has a wrong type or value.
 * @throws {RangeError} A length is not a whole number from 1 up, the record exceeds 2^53 bytes, or `name` is out of bounds.
 * @example A layout for C
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { record } from "mempool";
 *
 * // struct { uint8_t kind; double weight; int16_t tags[3]; }
 * const Edge = record({ kind: "u8", weight: "f64", tags: ["i16", 3] }, { order: "c", name: "Edge" });
 * assertEquals(Edge.byteLength, 24);
 * assertEquals(Edge.fields.tags, { type: "i16", offset: 16, length: 3 });
 * ```
 */
export function record<const F extends RecordFields>(
  fields: F,
  options?: { readonly order?: "compact" | "c"; readonly name?: string },
): RecordLayout<F> {
  const { order, name } = optionsFrom(options);
  const declared = fieldsFrom(fields);
  const placed = place(order === "c" ? declared : declared.toSorted((a, b) => sizeOf(b.type) - sizeOf(a.type)));
  const byName = new Map(placed.map((field) => [field.name, field]));
  const described = {};
  for (const field of declared) {
    const { type, offset, length } = byName.get(field.name)!;
    // Defined, because an assignment to `constructor` fails in a program that has frozen Object.prototype.
    Object.defineProperty(described, field.name, { value: Object.freeze({ type, offset, length }), enumerable: true });
  }
  const layout = Object.freeze({
    name: name ?? nameOf(declared),
    byteLength: endOf(placed),
    fields: Object.freeze(described),
  });
  made.set(layout, declared.map((field) => byName.get(field.name)!));
  return layout as unknown as RecordLayout<F>;
}

/** The fields of a layout in declared order. Throws if the value is not a result of `record`. */
export function fieldsOf(action: string, layout: unknown): readonly PlacedField[] {
  const fields = made.get(layout as object);
  if (fields !== undefined) return fields;
  throw new TypeError(`Cannot ${action}: layout must be a result of record, got ${describe(layout)}`);
}

function optionsFrom(options: unknown): { order: unknown; name: string | undefined } {
  if (options === undefined) return { order: "compact", name: undefined };
  if (typeof options !== "object" || options === null) throw refusal("options must be an object", options);
  const { order = "compact", name } = options as { order?: unknown; name?: unknown };
  if (order !== "compact" && order !== "c") throw refusal('order must be "compact" or "c"', order);
  if (name === undefined) return { order, name };
  if (typeof name !== "string") throw refusal("name must be a string", name);
  if (name.length < 1 || name.length > LONGEST_NAME || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) {
    throw new RangeError(
      `Cannot define a record: name must have 1 to ${LONGEST_NAME} characters, none of them a control character, got ` +
        describe(name),
    );
  }
  return { order, name };
}

/** Reads every property once, because a getter may return something else the next time. */
function fieldsFrom(fields: unknown): Field[] {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw refusal("fields must be an object", fields);
  }
  const found = Reflect.ownKeys(fields).map((name) => {
    if (typeof name !== "string" || !/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name)) {
      throw refusal("the name of a field must be an identifier", name);
    }
    if (name === "ref" || name === "__proto__") throw refusal(`no field may be called ${name}`, name);
    return fieldFrom(name, (fields as Record<string, unknown>)[name]);
  });
  if (found.length === 0) throw refusal("a record must have a field", fields);
  return found;
}

function fieldFrom(name: string, given: unknown): Field {
  if (!Array.isArray(given)) return { name, type: typeFrom(name, given), length: 1, isArray: false };
  const { length: count, 0: type, 1: length } = given as unknown[];
  if (count !== 2) {
    throw refusal(`field ${name} must be a type or [type, length]`, given);
  }
  if (typeof length !== "number") throw refusal(`the length of field ${name} must be a number`, length);
  const known = typeFrom(name, type);
  if (!Number.isInteger(length) || length < 1) {
    throw new RangeError(
      `Cannot define a record: the length of field ${name} must be a whole number from 1 up, got ${length}`,
    );
  }
  return { name, type: known, length, isArray: true };
}

function typeFrom(name: string, type: unknown): RecordType {
  if (SIZES.has(type)) return type as RecordType;
  throw refusal(`the type of field ${name} must be one of ${[...SIZES.keys()].join(", ")}`, type);
}

/** The names of the fields, as many as a name has room for. */
function nameOf(fields: readonly Field[]): string {
  const names = fields.map((field) => field.name).join(", ");
  return names.length <= LONGEST_NAME - 4 ? `{ ${names} }` : `{ ${names.slice(0, LONGEST_NAME - 5)}… }`;
}

/** Each field at the next offset that its alignment allows. */
function place(fields: readonly Field[]): PlacedField[] {
  let end = 0;
  return fields.map((field) => {
    const size = sizeOf(field.type);
    const offset = Math.ceil(end / size) * size;
    end = offset + size * field.length;
    if (!Number.isSafeInteger(end)) {
      throw new RangeError(`Cannot define a record: with field ${field.name}, it exceeds 2^53 bytes`);
    }
    return { ...field, offset, size };
  });
}

/** The bytes of a record, so that each record of an array of them is aligned. */
function endOf(placed: readonly PlacedField[]): number {
  const { offset, size, length } = placed.at(-1)!;
  const alignment = Math.max(...placed.map((field) => field.size));
  return Math.ceil((offset + size * length) / alignment) * alignment;
}

function sizeOf(type: RecordType): number {
  return SIZES.get(type)!;
}

function refusal(what: string, value: unknown): TypeError {
  const shown = typeof value === "symbol" ? String(value) : describe(value);
  return new TypeError(`Cannot define a record: ${what}, got ${shown}`);
}
