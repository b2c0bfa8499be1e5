/**
 * What the compiler accepts and refuses. Nothing runs this file: types_test.ts compiles it. A line below
 * `@ts-expect-error` must be refused.
 */

import { type MemPool, record, type RecordCursor, type RecordFields, type RecordLayout, type Records } from "mempool";

const Node = record({ next: "ref", cost: "f64", big: "i64", tags: ["u8", 16], longs: ["u64", 2] });

/** Accepts only a type that is exactly another one. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
function same<One, Other>(_is: Same<One, Other>): void {}

export function accepted(pool: MemPool): void {
  const nodes = pool.records(Node);
  const node: number = nodes.alloc();
  nodes.set.cost(node, nodes.get.cost(node) + 1);
  nodes.set.big(node, nodes.get.big(node) + 1n);
  nodes.set.tags(node, 3, nodes.get.tags(node, 3) + 1);
  nodes.set.longs(node, 0, nodes.get.longs(node, 1));
  const cursor = nodes.cursor();
  cursor.ref = cursor.next;
  cursor.big = nodes.atomics.big.add(node, 1n) + nodes.atomics.big.load(node);
  cursor.cost += nodes.atomics.next.exchange(node, 5);
  nodes.freeMany(nodes.allocMany(5) ?? []);
  const size = Math.max(1, 4);
  record({ some: ["f32", size] }, { order: "c", name: "Some" });
}

export function exact(pool: MemPool): void {
  const nodes = pool.records(Node);
  same<typeof nodes.get.cost, (ref: number) => number>(true);
  same<typeof nodes.get.tags, (ref: number, index: number) => number>(true);
  same<typeof nodes.get.longs, (ref: number, index: number) => bigint>(true);
  same<typeof nodes.set.big, (ref: number, value: bigint) => void>(true);
  same<typeof nodes.set.tags, (ref: number, index: number, value: number) => void>(true);
  same<typeof nodes.view.tags, (ref: number) => Uint8Array>(true);
  same<typeof nodes.view.longs, (ref: number) => BigUint64Array>(true);
  same<typeof Node.fields.tags.type, "u8">(true);
  same<typeof Node.fields.next.type, "ref">(true);
  same<keyof typeof nodes.atomics, "next" | "big">(true);
  same<keyof typeof nodes.view, "tags" | "longs">(true);
  const cursor = nodes.cursor();
  same<keyof typeof cursor, "ref" | "next" | "cost" | "big">(true);
  same<typeof cursor.big, bigint>(true);
  same<typeof cursor.cost, number>(true);
}

export function refused(pool: MemPool): void {
  const nodes = pool.records(Node);
  const cursor = nodes.cursor();
  // @ts-expect-error: no such field
  nodes.get.height(0);
  // @ts-expect-error: no such field
  cursor.height = 1;
  // @ts-expect-error: an array field is not on a cursor
  cursor.tags = 1;
  // @ts-expect-error: the index is missing
  nodes.get.tags(0);
  // @ts-expect-error: not an array
  nodes.get.cost(0, 1);
  // @ts-expect-error: the value is missing
  nodes.set.cost(0);
  // @ts-expect-error: the value is missing
  nodes.set.tags(0, 1);
  // @ts-expect-error: a bigint for a number
  nodes.set.cost(0, 1n);
  // @ts-expect-error: a number for a bigint
  nodes.set.big(0, 1);
  // @ts-expect-error: a number for a bigint
  cursor.big = 1;
  // @ts-expect-error: a number for a bigint
  nodes.set.longs(0, 0, 1);
  // @ts-expect-error: a bigint for a reference
  nodes.get.cost(0n);
  // @ts-expect-error: floating-point numbers have no atomic operations
  nodes.atomics.cost.load(0);
  // @ts-expect-error: nor have arrays
  nodes.atomics.longs.load(0);
  // @ts-expect-error: a single value has no view
  nodes.view.cost(0);
  // @ts-expect-error: accessors cannot be replaced
  nodes.get = nodes.get;
  // @ts-expect-error: a layout is frozen
  Node.byteLength = 5;
  // @ts-expect-error: a string for a number
  nodes.free("5");
  // @ts-expect-error: no such type
  record({ a: "u128" });
  // @ts-expect-error: an array without its length
  record({ a: ["u8"] });
  // @ts-expect-error: no such order
  record({ a: "u8" }, { order: "packed" });
  // @ts-expect-error: a description is not a layout
  pool.records({ a: "u8" });
}

/** Functions over any layout. */
export function countOf<F extends RecordFields>(layout: RecordLayout<F>): number {
  return Object.keys(layout.fields).length;
}

export function clear<F extends RecordFields>(nodes: Records<F>, refs: Int32Array): void {
  const cursor: RecordCursor<F> = nodes.cursor();
  for (const ref of refs) cursor.ref = ref;
  nodes.freeMany(refs);
}

/** A function over records whose layout it does not know. A field may be of any type. */
export function valuesOf(nodes: Records, ref: number, index: number): (number | bigint)[] {
  return Object.values(nodes.get).map((read) => read(ref, index));
}

export function written(nodes: Records): void {
  // @ts-expect-error: what the field takes is unknown
  nodes.set["any"]!(0, 1);
  // @ts-expect-error: an array field may be of any type
  const words: Int32Array = nodes.view["any"]!(0);
  void words;
}

/** A function over all layouts that have these fields. */
export function follow(nodes: { readonly get: { next(ref: number): number } }, first: number): number {
  let length = 0;
  for (let ref = first; ref >= 0; ref = nodes.get.next(ref)) length++;
  return length;
}

export function passes(pool: MemPool): number {
  clear(pool.records(Node), new Int32Array());
  const anyLayout: RecordLayout<RecordFields> = Node;
  valuesOf(pool.records(Node), valuesOf(pool.records(anyLayout), 0, 0).length, 0);
  return follow(pool.records(Node), 0) + countOf(Node);
}
