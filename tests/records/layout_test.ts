/** Layouts: where fields lie, as C compilers see it, and which descriptions are refused. */

import { assert, assertEquals } from "@std/assert";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { record, type RecordFields, type RecordLayout } from "mempool";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { inScratch } from "../support/package.ts";
import { assertError } from "../support/pool.ts";
import { needs } from "../support/programs.ts";
import { sequenceFrom } from "../support/sequence.ts";
import { TYPES } from "./_access.ts";

const C_TYPES: Readonly<Record<string, string>> = {
  i8: "int8_t",
  u8: "uint8_t",
  i16: "int16_t",
  u16: "uint16_t",
  i32: "int32_t",
  u32: "uint32_t",
  f32: "float",
  f64: "double",
  i64: "int64_t",
  u64: "uint64_t",
  ref: "int32_t",
};

/** The offsets of all fields in their declared order, and then the length of the record. */
function numbersOf({ fields, byteLength }: RecordLayout<RecordFields>): number[] {
  return [...Object.values(fields).map(({ offset }) => offset), byteLength];
}

/** Draws between 1 and 12 fields, a third of them arrays. */
function drawFields(draw: (below: number) => number): RecordFields {
  const fields = Array.from({ length: 1 + draw(12) }, (_, at) => {
    const type = TYPES[draw(TYPES.length)]!;
    return [`f${at}`, draw(3) === 0 ? [type, 1 + draw(9)] as const : type] as const;
  });
  return Object.fromEntries(fields);
}

function structOf(name: string, fields: RecordFields): string {
  const members = Object.entries(fields).map(([field, type]) => {
    return typeof type === "string" ? `${C_TYPES[type]} ${field};` : `${C_TYPES[type[0]]} ${field}[${type[1]}];`;
  });
  const offsets = Object.keys(fields).map((field) => `printf("%zu ", offsetof(struct ${name}, ${field}));`);
  return `struct ${name} { ${members.join(" ")} };
void print_${name}(void) { ${offsets.join(" ")} printf("%zu\\n", sizeof(struct ${name})); }`;
}

needs("cc")(
  'layout - with order "c", offsets and lengths are those of a C compiler',
  () =>
    inScratch(async (folder) => {
      const draw = sequenceFrom(20);
      const all = Array.from({ length: effort(300, 3000) }, () => drawFields(draw));
      const source = `#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
${all.map((fields, at) => structOf(`s${at}`, fields)).join("\n")}
int main(void) { ${all.map((_, at) => `print_s${at}();`).join(" ")} return 0; }
`;
      writeFileSync(join(folder, "structs.c"), source);
      execFileSync("cc", ["-o", join(folder, "structs"), join(folder, "structs.c")]);
      const lines = execFileSync(join(folder, "structs"), { encoding: "utf8" }).trim().split("\n");
      all.forEach((fields, at) => {
        assertEquals([fields, numbersOf(record(fields, { order: "c" })).join(" ")], [fields, lines[at]]);
      });
    }),
);

test("layout - the compact order has no gaps, and every field is aligned", () => {
  const draw = sequenceFrom(21);
  for (let round = 0; round < 500; round++) {
    const layout = record(drawFields(draw));
    const sizes = Object.values(layout.fields).map(({ type, length, offset }) => {
      const size = record({ field: type as "u8" }).byteLength;
      assertEquals(offset % size, 0);
      return { offset, size, end: offset + size * length };
    });
    sizes.sort((one, other) => one.offset - other.offset);
    sizes.forEach(({ offset, size }, at) => {
      assertEquals(offset, at === 0 ? 0 : sizes[at - 1]!.end);
      assert(at === 0 || sizes[at - 1]!.size >= size);
    });
    assertEquals(layout.byteLength, Math.ceil(sizes.at(-1)!.end / sizes[0]!.size) * sizes[0]!.size);
  }
});

test("layout - fields of one alignment keep their declared order", () => {
  const { fields, byteLength } = record({ a: "u8", b: "u32", c: ["u8", 3], d: "ref", e: "f64", f: "f32" });
  assertEquals(fields, {
    a: { type: "u8", offset: 20, length: 1 },
    b: { type: "u32", offset: 8, length: 1 },
    c: { type: "u8", offset: 21, length: 3 },
    d: { type: "ref", offset: 12, length: 1 },
    e: { type: "f64", offset: 0, length: 1 },
    f: { type: "f32", offset: 16, length: 1 },
  });
  assertEquals(byteLength, 24);
});

test("layout - is frozen plain data, with a name", () => {
  const layout = record({ a: "u8", b: ["f32", 2] }, { name: "Pair" });
  assertEquals(layout, {
    name: "Pair",
    byteLength: 12,
    fields: { a: { type: "u8", offset: 8, length: 1 }, b: { type: "f32", offset: 0, length: 2 } },
  });
  for (const part of [layout, layout.fields, layout.fields.a, layout.fields.b]) assert(Object.isFrozen(part));
  assertEquals(structuredClone(layout), layout);
  assertEquals(record({ a: "u8", b: ["f32", 2] }).name, "{ a, b }");
  assertEquals(record({ a: "u8" }, undefined).name, "{ a }");
  const fields = Object.fromEntries(Array.from({ length: 18 }, (_, at) => [`f${at + 10}`, "u8"] as const));
  assertEquals(record({ ...fields, wide: "u8" }).name.length, 100 - 2);
  assertEquals(record({ ...fields, widest: "u8" }).name.slice(-12), "27, widest }");
  const { name } = record({ ...fields, widest: "u8", a: "u8" });
  assertEquals([name.length, name.slice(-12)], [100, "27, wides… }"]);
});

test("layout - does not change when its description does", () => {
  const fields: Record<string, "u8" | ["u8", number]> = { a: ["u8", 3] };
  const layout = record(fields);
  (fields.a as [string, number])[1] = 100;
  fields.b = "u8";
  assertEquals([layout.byteLength, Object.keys(layout.fields)], [3, ["a"]]);
});

const refused = (what: string, got: string): string => `Cannot define a record: ${what}, got ${got}`;
const TYPE_LIST = "i8, u8, i16, u16, i32, u32, f32, f64, i64, u64, ref";

/** What is not allowed as the fields of a record, with the message. All of these are TypeErrors. */
const WRONG_FIELDS: readonly (readonly [unknown, string])[] = [
  [undefined, refused("fields must be an object", "undefined")],
  [null, refused("fields must be an object", "null")],
  [5, refused("fields must be an object", "5")],
  ["u8", refused("fields must be an object", '"u8"')],
  [() => {}, refused("fields must be an object", "a function")],
  [{}, refused("a record must have a field", "an object (Object)")],
  [[], refused("fields must be an object", "an object (Array)")],
  [["u8", 4], refused("fields must be an object", "an object (Array)")],
  [{ "": "u8" }, refused("the name of a field must be an identifier", '""')],
  [{ "a b": "u8" }, refused("the name of a field must be an identifier", '"a b"')],
  [{ "1a": "u8" }, refused("the name of a field must be an identifier", '"1a"')],
  [{ "ä": "u8" }, refused("the name of a field must be an identifier", '"ä"')],
  [{ "a\n": "u8" }, refused("the name of a field must be an identifier", '"a\\n"')],
  [{ [Symbol("a")]: "u8" }, refused("the name of a field must be an identifier", "Symbol(a)")],
  [
    { a: "u8", [Symbol.iterator]: "u8" },
    refused("the name of a field must be an identifier", "Symbol(Symbol.iterator)"),
  ],
  [{ ref: "u8" }, refused("no field may be called ref", '"ref"')],
  [JSON.parse('{ "__proto__": "u8" }'), refused("no field may be called __proto__", '"__proto__"')],
  [{ a: "int" }, refused(`the type of field a must be one of ${TYPE_LIST}`, '"int"')],
  [{ a: "constructor" }, refused(`the type of field a must be one of ${TYPE_LIST}`, '"constructor"')],
  [{ a: undefined }, refused(`the type of field a must be one of ${TYPE_LIST}`, "undefined")],
  [{ a: Object("u8") }, refused(`the type of field a must be one of ${TYPE_LIST}`, "an object (String)")],
  [{ a: { type: "u8" } }, refused(`the type of field a must be one of ${TYPE_LIST}`, "an object (Object)")],
  [{ a: [] }, refused("field a must be a type or [type, length]", "an object (Array)")],
  [{ a: ["u8"] }, refused("field a must be a type or [type, length]", "an object (Array)")],
  [{ a: ["u8", 1, 1] }, refused("field a must be a type or [type, length]", "an object (Array)")],
  [{ a: ["u8", "4"] }, refused("the length of field a must be a number", '"4"')],
  [{ a: ["u8", 4n] }, refused("the length of field a must be a number", "4n")],
  [{ a: [["u8", 2], 2] }, refused(`the type of field a must be one of ${TYPE_LIST}`, "an object (Array)")],
];

/** Names that would do harm if they became code. */
const CODE = [
  "a](){}};globalThis.hacked=true;class{[",
  "a;globalThis.hacked=true",
  "a(){globalThis.hacked=true}",
  "constructor(){globalThis.hacked=true}//",
  "a`${globalThis.hacked=true}`",
  "\\u0061",
  "a\u2028globalThis.hacked=true",
  "*/globalThis.hacked=true/*",
];

test("layout - names that are not identifiers are refused, and never run as code", () => {
  for (const name of CODE) {
    const message = refused("the name of a field must be an identifier", JSON.stringify(name));
    assertError(() => record({ [name]: "u8" }), TypeError, message);
    assertEquals(record({ a: "u8" }, { name: name.replace("\u2028", " ") }).name, name.replace("\u2028", " "));
  }
  assert(!("hacked" in globalThis));
});

test("layout - fields that are none are refused", () => {
  for (const [fields, message] of WRONG_FIELDS) assertError(() => record(fields as RecordFields), TypeError, message);
  for (const length of [0, -1, 0.5, NaN, Infinity, -Infinity]) {
    const what = "the length of field a must be a whole number from 1 up";
    assertError(() => record({ a: ["u8", length] }), RangeError, refused(what, String(length)));
  }
  const tooLong = "Cannot define a record: with field b, it exceeds 2^53 bytes";
  assertError(() => record({ a: "f64", b: ["f64", 2 ** 50] }), RangeError, tooLong);
  assertError(() => record({ a: "f64", b: ["u8", 1e300] }), RangeError, tooLong);
  assertEquals(record({ a: ["u8", 2 ** 52] }).byteLength, 2 ** 52);
});

test("layout - options that are none are refused", () => {
  const fields = { a: "u8" } as const;
  const wrong: readonly (readonly [unknown, string])[] = [
    [null, refused("options must be an object", "null")],
    ["c", refused("options must be an object", '"c"')],
    [{ order: "C" }, refused('order must be "compact" or "c"', '"C"')],
    [{ order: null }, refused('order must be "compact" or "c"', "null")],
    [{ name: 5 }, refused("name must be a string", "5")],
    [{ name: null }, refused("name must be a string", "null")],
  ];
  for (const [options, message] of wrong) assertError(() => record(fields, options as object), TypeError, message);
  const bounds = "name must have 1 to 100 characters, none of them a control character";
  for (const [name, shown] of [["", '""'], ["a\nb", '"a\\nb"'], ["a\u2028", '"a\u2028"']] as const) {
    assertError(() => record(fields, { name }), RangeError, refused(bounds, shown));
  }
  assertError(() => record(fields, { name: "x".repeat(101) }), RangeError, refused(bounds, `"${"x".repeat(99)}…`));
  assertEquals(record(fields, { name: "x".repeat(100) }).name.length, 100);
});

test("layout - every property of a description is read once", () => {
  let reads = 0;
  const changing = (first: unknown, later: unknown): PropertyDescriptor => ({
    get: () => reads++ === 0 ? first : later,
    enumerable: true,
  });
  const fields = Object.defineProperty({}, "a", changing("u8", "f64"));
  assertEquals([record(fields as { a: "u8" }).byteLength, reads], [1, 1]);
  const thrown = new Error("thrown by the description");
  const throwing = {
    get a(): "u8" {
      throw thrown;
    },
  }; // dprint-ignore
  try {
    record(throwing);
    throw new Error("record did not throw");
  } catch (error) {
    assert(error === thrown);
  }
});
