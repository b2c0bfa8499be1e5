import type { Accessors } from "./closures.ts";
import type { RecordData } from "./data.ts";
import type { Arithmetic, FieldPlace } from "./places.ts";

/** The index of a value, as code. `more` is added to it: " + +index" in an array field, "" otherwise. */
const INDEX: Readonly<Record<Arithmetic, (place: FieldPlace, ref: string, more: string) => string>> = {
  int32: (place, ref, more) => more === "" ? firstIndex(place, ref) : `(${firstIndex(place, ref)})${more} | 0`,
  uint32: (place, ref, more) => `(${firstIndex(place, ref)})${more} >>> 0`,
  double: ({ stride, first }, ref, more) => `${ref} * ${stride} + ${first}${more}`,
};

/**
 * The index of the field's first value, as a 32-bit integer. A shift computes what `imul` does, with fewer bytecodes, by whose
 * number V8 decides what it inlines.
 */
function firstIndex({ stride, first }: FieldPlace, ref: string): string {
  const shift = Math.log2(stride);
  const start = Number.isInteger(shift) ? `${ref} << ${shift}` : `imul(${ref}, ${stride})`;
  return first === 0 ? start : `(${start}) + ${first} | 0`;
}

/**
 * Accessors whose code has the numbers of the layout as constants, in classes. JavaScriptCore needs that for its full
 * speed; V8 would fold the variables of a closure as well. Methods of a class, on the other hand, keep the speed on V8
 * where one function uses several layouts. docs/decisions.md has the comparison.
 *
 * The code consists of numbers and of fixed words only. Names are passed as values.
 *
 * @throws {EvalError} The program may not compile code.
 */
export function compiledAccessors(places: readonly FieldPlace[], data: RecordData): Accessors {
  const classes = `"use strict";
const { arrays } = data, { imul } = Math;
${[...new Set(places.map(({ array }) => array))].map(uncovered).join("\n")}
const Get = class { ${places.map(getter).join("\n")} };
const Set = class { ${places.map(setter).join("\n")} };
const Cursor = class {
  constructor(ref) { this.ref = ref; }
  ${places.map((place, at) => place.isArray ? "" : property(place, at)).join("\n")}
};
const atomics = [${places.map((place) => place.isAtomic ? atomic(place) : "undefined").join(",\n")}];
return { get: new Get(), set: new Set(), Cursor, atomics };`;
  const compile = new Function("data", "names", classes) as (data: RecordData, names: readonly string[]) => Accessors;
  return compile(data, places.map(({ name }) => name));
}

/** What the accessors of fields in this array call for an index that is not covered. */
function uncovered(array: string): string {
  return `const read_${array} = (at) => data.read("${array}", at);
  const write_${array} = (at, value) => data.write("${array}", at, value);`;
}

function getter(place: FieldPlace, at: number): string {
  return `[names[${at}]](ref${place.isArray ? ", index" : ""}) { ${reading(place, "ref")} }`;
}

function setter(place: FieldPlace, at: number): string {
  return `[names[${at}]](ref${place.isArray ? ", index" : ""}, value) { ${writing(place, "ref")} }`;
}

function property(place: FieldPlace, at: number): string {
  return `get [names[${at}]]() { ${reading(place, "this.ref")} }
  set [names[${at}]](value) { ${writing(place, "this.ref")} }`;
}

function reading(place: FieldPlace, ref: string): string {
  const { array } = place;
  return `const at = ${indexOf(place, ref)};
    return arrays.${array}[at] ?? read_${array}(at);`;
}

/** A read before the write tells whether the index is covered. The engines need one check of the bounds for both. */
function writing(place: FieldPlace, ref: string): string {
  const { array } = place;
  return `const at = ${indexOf(place, ref)}, array = arrays.${array};
    if (array[at] !== undefined) array[at] = value; else write_${array}(at, value);`;
}

function atomic(place: FieldPlace): string {
  const { array } = place;
  const start = `const at = ${indexOf(place, "ref")};
    if (arrays.${array}[at] === undefined && read_${array}(at) === undefined) return undefined;`;
  return `new class {
    load(ref) { ${start} return Atomics.load(arrays.${array}, at); }
    store(ref, value) { ${start} Atomics.store(arrays.${array}, at, value); }
    add(ref, value) { ${start} return Atomics.add(arrays.${array}, at, value); }
    exchange(ref, value) { ${start} return Atomics.exchange(arrays.${array}, at, value); }
    compareExchange(ref, expected, value) {
      ${start} return Atomics.compareExchange(arrays.${array}, at, expected, value);
    }
  }`;
}

function indexOf(place: FieldPlace, ref: string): string {
  return INDEX[place.arithmetic](place, ref, place.isArray ? " + +index" : "");
}
