/**
 * What records do in any program: records_test.ts runs these functions as tests, and _refused_program.ts in a program
 * that may not compile code from strings.
 */

import { assert, assertEquals } from "@std/assert";
import { MemPool, record, type RecordFields, type RecordLayout, type Records, type RecordType } from "mempool";
import { assertError, assertRefused, insideOf, makePool, type PoolShape, warningsOf } from "../support/pool.ts";

const ARRAYS = {
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
  ref: Int32Array,
} satisfies Record<RecordType, unknown>;

export const TYPES = Object.keys(ARRAYS) as RecordType[];

/** A value of a type, as the accessors take it. */
type Value = number | bigint;

/** Records whose fields are only known at run time. */
export interface LooseRecords extends Pick<Records, "alloc" | "calloc" | "free" | "offsetOf"> {
  readonly get: Readonly<Record<string, (ref: unknown, index?: unknown) => unknown>>;
  readonly set: Readonly<Record<string, (ref: unknown, ...indexAndValue: unknown[]) => void>>;
  readonly view: Readonly<Record<string, (ref: unknown) => Uint8Array>>;
  readonly atomics: Readonly<Record<string, Readonly<Record<string, (ref: unknown, ...values: unknown[]) => unknown>>>>;
  cursor(ref?: unknown): Record<string, unknown>;
}

/** The records of a layout, without the types of its fields. */
export function loosely(pool: MemPool, layout: RecordLayout<RecordFields>): LooseRecords {
  return pool.records(layout) as unknown as LooseRecords;
}

const Everything = record({
  i8: "i8",
  u8: "u8",
  i16: "i16",
  u16: "u16",
  i32: "i32",
  u32: "u32",
  f32: "f32",
  f64: "f64",
  i64: "i64",
  u64: "u64",
  link: "ref",
  bytes: ["u8", 5],
  shorts: ["i16", 3],
  floats: ["f64", 2],
  longs: ["i64", 2],
  links: ["ref", 4],
}, { name: "Everything" });

/** Values at and beyond the bounds of every type. */
const VALUES = [
  0,
  1,
  -1,
  127,
  128,
  255,
  256,
  65_535,
  2 ** 31,
  -(2 ** 31),
  2 ** 32 + 7,
  2 ** 53,
  0.5,
  -1.7,
  NaN,
  Infinity,
];

const isLong = (type: RecordType): boolean => type === "i64" || type === "u64";

function valuesOf(type: RecordType): Value[] {
  return isLong(type) ? VALUES.filter(Number.isInteger).map(BigInt) : VALUES;
}

/** What a typed array makes of a value. */
function converted(type: RecordType, value: Value): Value {
  const array = new ARRAYS[type](1) as { [index: number]: Value };
  array[0] = value;
  return array[0];
}

/** The bytes of a record as C code would read them. */
function bytesOf(pool: MemPool, nodes: Pick<Records, "offsetOf">, ref: number, length: number): DataView {
  return new DataView(pool.buffer, nodes.offsetOf(ref), length);
}

function assertEmpty(pool: MemPool): void {
  pool.check();
  assertEquals(pool.stats().allocatedBlocks, 0);
}

/** Each function gets a pool of a kind. */
type Case = (make: (shape?: PoolShape) => MemPool) => void;

export const CASES: Readonly<Record<string, Case>> = {
  "get and set convert values of every type as typed arrays do": (make) => {
    using pool = make({ blockSize: 16 });
    for (const type of TYPES) {
      const nodes = loosely(pool, record({ before: "u8", value: type, after: "u8" }, { order: "c" }));
      const ref = nodes.calloc();
      for (const value of valuesOf(type)) {
        nodes.set.value!(ref, value);
        assertEquals([type, value, nodes.get.value!(ref)], [type, value, converted(type, value)]);
        assertEquals([nodes.get.before!(ref), nodes.get.after!(ref)], [0, 0]);
      }
      nodes.free(ref);
    }
  },

  "a cursor reads and writes every type": (make) => {
    using pool = make({ blockSize: 16 });
    for (const type of TYPES) {
      const nodes = loosely(pool, record({ value: type }));
      const ref = nodes.calloc();
      const cursor = nodes.cursor();
      assertEquals(cursor.ref, -1);
      cursor.ref = ref;
      for (const value of valuesOf(type)) {
        cursor.value = value;
        assertEquals([cursor.value, nodes.get.value!(ref)], [converted(type, value), converted(type, value)]);
      }
      assertEquals(nodes.cursor(ref).ref, ref);
      nodes.free(ref);
    }
  },

  "array fields have elements, and views on them": (make) => {
    using pool = make({ blockSize: 32 });
    for (const type of TYPES) {
      const layout = record({ before: "u8", values: [type, 3], after: "u8" }, { order: "c" });
      const nodes = loosely(pool, layout);
      const [one, ref] = [nodes.calloc(), nodes.calloc()];
      const expected = [1, 2, 3].map((value) => isLong(type) ? BigInt(value) : value) as [Value, Value, Value];
      expected.forEach((value, index) => nodes.set.values!(ref, index, value));
      assertEquals([0, 1, 2].map((index) => nodes.get.values!(ref, index)), expected);
      const view = nodes.view.values!(ref) as unknown as { [index: number]: Value; length: number };
      assertEquals([view.constructor, view.length], [ARRAYS[type], 3]);
      assertEquals([view[0], view[1], view[2]], expected);
      view[1] = expected[2];
      assertEquals(nodes.get.values!(ref, 1), expected[2]);
      assertEquals([nodes.get.before!(ref), nodes.get.after!(ref), nodes.get.values!(one, 0)].map(Number), [0, 0, 0]);
      assertEquals(["values" in nodes.cursor(), "before" in nodes.cursor(), "before" in nodes.view], [
        false,
        true,
        false,
      ]);
      nodes.free(one);
      nodes.free(ref);
    }
  },

  "atomic operations are those of Atomics, on integers and references of 32 and 64 bits": (make) => {
    using pool = make({ blockSize: 16 });
    for (const type of TYPES) {
      const nodes = loosely(pool, record({ value: type }));
      const isAtomic = ["i32", "u32", "i64", "u64", "ref"].includes(type);
      assertEquals(["value" in nodes.atomics, type], [isAtomic, type]);
      if (!isAtomic) continue;
      const ref = nodes.calloc();
      const { load, store, add, exchange, compareExchange } = nodes.atomics.value!;
      const number = (value: number): Value => isLong(type) ? BigInt(value) : value;
      const last = type === "u32" ? 2 ** 32 - 1 : type === "u64" ? 2n ** 64n - 1n : number(-1);
      assertEquals(store!(ref, number(5)), undefined);
      assertEquals([load!(ref), add!(ref, number(3)), load!(ref)], [5, 5, 8].map(number));
      assertEquals([exchange!(ref, number(-1)), load!(ref)], [number(8), last]);
      assertEquals([compareExchange!(ref, number(7), number(1)), load!(ref)], [last, last]);
      assertEquals([compareExchange!(ref, last, number(1)), load!(ref)], [last, number(1)]);
      assertEquals(nodes.get.value!(ref), number(1));
      nodes.free(ref);
    }
  },

  "every field of many records keeps its value": (make) => {
    for (const blockSize of [16, 32, 48, 112, 128, 256]) {
      using pool = make({ blockSize, blocks: 600 });
      const nodes = pool.records(Everything);
      const refs = Array.from({ length: 40 }, () => nodes.alloc());
      const { fields } = Everything;
      const names = Object.keys(fields) as (keyof typeof fields)[];
      const loose = loosely(pool, Everything);
      const value = (at: number, field: number, index: number): number => (at * 31 + field * 7 + index) % 100;
      const each = (use: (ref: number, name: string, index: number, value: Value, isArray: boolean) => void): void => {
        for (const [at, ref] of refs.entries()) {
          names.forEach((name, field) => {
            const { length, type } = fields[name];
            for (let index = 0; index < length; index++) {
              const number = value(at, field, index);
              use(ref, name, index, isLong(type) ? BigInt(number) : number, length > 1);
            }
          });
        }
      };
      each((ref, name, index, value, isArray) => {
        if (isArray) loose.set[name]!(ref, index, value);
        else loose.set[name]!(ref, value);
      });
      each((ref, name, index, value, isArray) => {
        const found = isArray ? loose.get[name]!(ref, index) : loose.get[name]!(ref);
        assertEquals([ref, name, index, found], [ref, name, index, value]);
      });
      nodes.freeMany(refs);
      assertEmpty(pool);
    }
  },

  "fields lie where the layout says": (make) => {
    using pool = make({ blockSize: 16 });
    for (const order of ["compact", "c"] as const) {
      const layout = record({ a: "u8", b: "f64", c: "u16", d: ["u32", 2], e: "i64" }, { order });
      const nodes = pool.records(layout);
      const ref = nodes.calloc();
      nodes.set.a(ref, 1);
      nodes.set.b(ref, 2.5);
      nodes.set.c(ref, 3);
      nodes.set.d(ref, 1, 4);
      nodes.set.e(ref, -5n);
      const bytes = bytesOf(pool, nodes, ref, layout.byteLength);
      const { a, b, c, d, e } = layout.fields;
      assertEquals(
        [bytes.getUint8(a.offset), bytes.getFloat64(b.offset, true), bytes.getUint16(c.offset, true)],
        [1, 2.5, 3],
      );
      assertEquals([bytes.getUint32(d.offset + 4, true), bytes.getBigInt64(e.offset, true)], [4, -5n]);
      assertEquals(pool.at(nodes.offsetOf(ref)).byteLength, layout.byteLength);
      assertEquals(nodes.refAt(nodes.offsetOf(ref)), ref);
      nodes.free(ref);
    }
  },

  "names that objects inherit are names of fields": (make) => {
    using pool = make({ blockSize: 64 });
    const names = [
      "constructor",
      "toString",
      "valueOf",
      "hasOwnProperty",
      "prototype",
      "name",
      "length",
      "then",
      "get",
    ];
    const keywords = ["class", "function", "this", "return", "eval", "arguments", "static", "await", "async", "$", "_"];
    const all = [...names, ...keywords, "__defineGetter__", "__lookupSetter__", "arrays", "data", "at", "value"];
    const layout = record(Object.fromEntries(all.map((name) => [name, "u8"])) as Record<string, "u8">);
    const nodes = loosely(pool, layout);
    const ref = nodes.calloc();
    const cursor = nodes.cursor(ref);
    all.forEach((name, at) => at % 2 === 0 ? nodes.set[name]!(ref, at + 1) : cursor[name] = at + 1);
    assertEquals(all.map((name) => nodes.get[name]!(ref)), all.map((_, at) => at + 1));
    assertEquals(all.map((name) => cursor[name]), all.map((_, at) => at + 1));
    assertEquals(Object.keys(layout.fields), all);
    nodes.free(ref);
  },

  "alloc, calloc and free are those of the offset tier": (make) => {
    using pool = make({ blocks: 8, blockSize: 16 });
    const nodes = pool.records(record({ value: "f64", links: ["ref", 3] })); // 24 bytes: two blocks
    const refs = Array.from({ length: 4 }, () => nodes.alloc());
    assertEquals([new Set(refs).size, nodes.alloc(), nodes.calloc()], [4, -1, -1]);
    for (const ref of refs) nodes.set.value(ref, 7);
    nodes.free(refs[0]!);
    assertRefused(
      () => nodes.free(refs[0]!),
      "double-free",
      `Cannot free block at offset ${16 * refs[0]!}: it is already free`,
    );
    assertRefused(
      () => nodes.free(refs[1]! + 1),
      "foreign-block",
      `Cannot free offset ${16 * (refs[1]! + 1)}: it lies inside the block that starts at offset ${16 * refs[1]!}`,
    );
    assertRefused(() => nodes.free(8), "foreign-block", "Cannot free offset 128: no block of this pool starts there");
    const zeroed = nodes.calloc();
    assertEquals([nodes.get.value(zeroed), nodes.get.links(zeroed, 2)], [0, 0]);
    nodes.freeMany(new Set([zeroed, ...refs.slice(1)]));
    assertEmpty(pool);
  },

  "allocMany and freeMany do all or nothing": (make) => {
    using pool = make({ blocks: 10, blockSize: 16 });
    const nodes = pool.records(record({ value: "f64" }));
    assertEquals(nodes.allocMany(0), new Int32Array(0));
    for (const count of [11, 2 ** 31, 2 ** 53, 1e300]) assertEquals(nodes.allocMany(count), null);
    const refs = nodes.allocMany(10)!;
    assertEquals([refs.constructor, [...refs].sort((a, b) => a - b)], [Int32Array, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
    for (const ref of refs) nodes.set.value(ref, ref);
    for (const wrong of [[0, 1, 0], [0, 10], [2, 2 ** 40]]) {
      const code = wrong.includes(10) || wrong.includes(2 ** 40) ? "foreign-block" : "double-free";
      const offset = 16 * wrong.at(-1)!;
      const why = code === "double-free" ? "it is already free" : "no block of this pool starts there";
      const what = code === "double-free" ? `block at offset ${offset}` : `offset ${offset}`;
      assertRefused(() => nodes.freeMany(wrong), code, `Cannot free ${what}: ${why}`);
      assertEquals(pool.stats().allocatedBlocks, 10);
    }
    nodes.freeMany([]);
    nodes.freeMany(refs.subarray(0, 5));
    assertEquals([...refs.subarray(5)].map((ref) => nodes.get.value(ref)), [...refs.subarray(5)]);
    nodes.freeMany(refs.subarray(5));
    assertEmpty(pool);
  },

  "several layouts share one pool": (make) => {
    using pool = make({ blockSize: 32 });
    const nodes = pool.records(record({ edge: "ref", weight: "f32" }));
    const edges = pool.records(record({ weight: "f64", to: "ref", next: "ref", names: ["u8", 40] }));
    const [node, edge] = [nodes.calloc(), edges.calloc()];
    nodes.set.edge(node, edge);
    edges.set.to(edge, node);
    edges.set.weight(nodes.get.edge(node), 0.1);
    nodes.set.weight(edges.get.to(edge), 0.25);
    assertEquals([edges.get.weight(edge), nodes.get.weight(node)], [0.1, 0.25]);
    nodes.free(node);
    edges.free(edge);
  },

  "the same layout has the same records, in one pool object": (make) => {
    using pool = make();
    using other = make();
    assert(pool.records(Everything) === pool.records(Everything));
    assert((pool.records(Everything) as unknown) !== other.records(Everything));
    assert(pool.records(Everything).layout === Everything);
  },

  "records in blocks that the pool has grown by can be used at once": (make) => {
    using pool = make({ blocks: 4, blockSize: 16, maxSize: 16 * 1000, cachedBlocks: 8 });
    const Node = record({ next: "ref", value: "f64" });
    const nodes = pool.records(Node);
    let first = -1;
    for (let value = 0; value < 1000; value++) {
      const ref = value % 3 === 0 ? nodes.calloc() : value % 3 === 1 ? nodes.alloc() : nodes.allocMany(1)![0]!;
      nodes.set.value(ref, value);
      nodes.set.next(ref, first);
      first = ref;
    }
    assertEquals([nodes.alloc(), pool.blockCount], [-1, 1000]);
    let sum = 0;
    for (const cursor = nodes.cursor(first); cursor.ref >= 0; cursor.ref = cursor.next) sum += cursor.value;
    assertEquals(sum, 999 * 500);
  },

  "a record is not lost if no buffer can be made over blocks that the pool has grown by": (make) => {
    using pool = make({ blocks: 4, blockSize: 16, maxSize: 16 * 64 });
    const nodes = pool.records(record({ value: "f64" }));
    const { buffers } = insideOf(pool);
    const refuse = (): never => {
      throw new RangeError("no memory");
    };
    for (
      const [count, alloc] of [
        [1, () => nodes.alloc()],
        [1, () => nodes.calloc()],
        [20, () => nodes.allocMany(20)![19]!],
      ] as const
    ) {
      while (pool.stats().freeBlocks > 0) pool.allocOffset(1);
      const before = pool.stats().allocatedBlocks;
      buffers.whole = refuse;
      const ref = alloc();
      assertError(() => nodes.set.value(ref, 1), RangeError, "no memory");
      assertError(() => nodes.get.value(ref), RangeError, "no memory");
      delete (buffers as Partial<typeof buffers>).whole; // the method of the class
      nodes.set.value(ref, 7);
      assertEquals([nodes.get.value(ref), pool.stats().allocatedBlocks - before], [7, count]);
    }
  },

  "another pool object reads what one has written": (make) => {
    using pool = make({ blockSize: 16, blocks: 4, maxSize: 16 * 64 });
    using joined = MemPool.attach(pool.handle);
    const Node = record({ value: "f64", count: "u32", tags: ["u8", 3] });
    const [mine, theirs] = [pool.records(Node), joined.records(Node)];
    for (let round = 0; round < 30; round++) {
      const ref = mine.calloc(); // the pool grows now and then
      mine.set.value(ref, round);
      assertEquals(theirs.get.value(ref), round);
      theirs.set.tags(ref, 2, round);
      assertEquals(mine.get.tags(ref, 2), round);
      assertEquals(theirs.view.tags(ref)[2], round);
      assertEquals([theirs.atomics.count.add(ref, 3), mine.atomics.count.load(ref)], [0, 3]);
    }
  },

  "alloc and free throw once the pool object is closed or the pool destroyed": (make) => {
    const Node = record({ value: "f64", link: "ref", tags: ["u8", 3] });
    for (const end of ["close", "destroy", "close one of two"] as const) {
      const pool = make({ blockSize: 32 });
      const other = end === "close one of two" ? MemPool.attach(pool.handle) : undefined;
      const nodes = pool.records(Node);
      const ref = nodes.calloc();
      if (end === "destroy") {
        nodes.free(ref);
        pool.destroy();
      } else pool.close();
      const code = end === "destroy" ? "destroyed" : "closed";
      const why = end === "destroy" ? "the pool is destroyed" : "this pool object is closed";
      for (const act of [() => nodes.alloc(), () => nodes.calloc(), () => nodes.allocMany(1)]) {
        assertRefused(act, code, `Cannot allocate: ${why}`);
      }
      for (const act of [() => nodes.free(ref), () => nodes.freeMany([ref])]) {
        assertRefused(act, code, `Cannot free: ${why}`);
      }
      assertRefused(() => pool.records(Node), code, `Cannot make records: ${why}`);
      assertEquals(nodes.offsetOf(ref), 32 * ref);
      other?.records(Node).free(ref);
      other?.destroy();
    }
  },
};

/** Runs a case with pools of one kind. What checked pools print about leaks is not shown. */
export function runCase(name: string, checked: boolean): void {
  warningsOf(() => CASES[name]!((shape = {}) => makePool({ checked, ...shape })));
}
