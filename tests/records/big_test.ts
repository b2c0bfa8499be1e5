/**
 * Records of large pools, whose indexes do not fit in 31 or 32 bits. The pools reserve address space; the tests touch few
 * pages of it.
 */

import { assert, assertEquals } from "@std/assert";
import { GIGABYTE, MEGABYTE, MemPool, record } from "mempool";
import { skip, test } from "../support/harness.ts";
import { assertRefused } from "../support/pool.ts";
import { placesOf } from "../../src/records/places.ts";
import { fieldsOf } from "../../src/records/layout.ts";
import { insideOf } from "../support/pool.ts";
import { loosely, TYPES } from "./_access.ts";

const onBun = "Bun" in globalThis;

const Everything = record(
  Object.fromEntries(TYPES.flatMap((type) => [[`one_${type}`, type], [`${type}s`, [type, 3]]])),
);

/** The ways in which the places of the fields are computed, without repetition. */
function arithmeticsOf(pool: MemPool): string[] {
  const { blockSize, table: { capacity } } = insideOf(pool).region;
  const places = placesOf(fieldsOf("test", Everything), { blockSize, capacity });
  return [...new Set(places.map(({ arithmetic }) => arithmetic))].sort();
}

/** Uses records at both ends of a pool and in the middle, and compares them with their bytes. */
function useAllOver(pool: MemPool): void {
  const nodes = loosely(pool, Everything);
  const { blockSize, size } = pool;
  const recordBytes = Math.ceil(Everything.byteLength / blockSize) * blockSize;
  const refs = [nodes.calloc()];
  const half = pool.allocOffset(Math.floor(size / 2));
  refs.push(nodes.calloc());
  const rest = pool.allocOffset(pool.stats().largestFreeRun * blockSize - 2 * recordBytes);
  refs.push(nodes.calloc(), nodes.calloc());
  assert(half > 0 && rest > 0 && refs.every((ref) => ref >= 0), `${half}, ${rest}, ${refs}`);
  assert(nodes.offsetOf(refs[3]!) >= size - 3 * recordBytes);
  refs.forEach((ref, at) => {
    for (const type of TYPES) {
      const value = (index: number): number | bigint => type.endsWith("64") && type !== "f64" ? BigInt(index) : index;
      nodes.set[`one_${type}`]!(ref, value(at + 1));
      for (let index = 0; index < 3; index++) nodes.set[`${type}s`]!(ref, index, value(10 * at + index));
    }
  });
  refs.forEach((ref, at) => {
    const bytes = new DataView(pool.at(nodes.offsetOf(ref)));
    const { one_f64, one_u8, u8s } = Everything.fields as Record<string, { offset: number }>;
    assertEquals(bytes.getFloat64(one_f64!.offset, true), at + 1);
    assertEquals([bytes.getUint8(one_u8!.offset), bytes.getUint8(u8s!.offset + 2)], [at + 1, 10 * at + 2]);
    const cursor = nodes.cursor(ref);
    for (const type of TYPES) {
      assertEquals([type, Number(nodes.get[`one_${type}`]!(ref)), Number(cursor[`one_${type}`])], [
        type,
        at + 1,
        at + 1,
      ]);
      assertEquals(Array.from(nodes.view[`${type}s`]!(ref), Number), [10 * at, 10 * at + 1, 10 * at + 2]);
      for (let index = 0; index < 3; index++) assertEquals(Number(nodes.get[`${type}s`]!(ref, index)), 10 * at + index);
    }
    assertEquals([nodes.atomics.one_i32!.add!(ref, 5), nodes.atomics.one_u64!.load!(ref)], [at + 1, BigInt(at + 1)]);
  });
  for (const ref of refs) nodes.free(ref);
  pool.freeOffset(half);
  pool.freeOffset(rest);
  assertEquals(pool.stats().allocatedBlocks, 0);
}

test("big records - work up to the end of a pool of 4 GiB", () => {
  using pool = MemPool.init(4 * GIGABYTE, 64 * 1024, { cachedBlocks: 0 });
  assertEquals(arithmeticsOf(pool), ["int32", "uint32"]);
  useAllOver(pool);
});

const onlyWithoutLimit = onBun ? skip("a buffer holds at most 4 GiB") : test;

onlyWithoutLimit("big records - work up to the end of pools of 20 and 200 GiB", () => {
  for (const [size, arithmetics] of [[20, "double,uint32"], [200, "double"]] as const) {
    using pool = MemPool.init(size * GIGABYTE, MEGABYTE, { cachedBlocks: 0 });
    assertEquals(String(arithmeticsOf(pool)), arithmetics);
    useAllOver(pool);
  }
});

onlyWithoutLimit("big records - work up to the end of a pool that has grown to 12 GiB", () => {
  using pool = MemPool.init(MEGABYTE, 64 * 1024, { cachedBlocks: 0, maxSize: 12 * GIGABYTE });
  pool.freeOffset(pool.allocOffset(12 * GIGABYTE));
  useAllOver(pool);
});

const onlyWithLimit = onBun ? test : skip("buffers have no limit here");

onlyWithLimit("big records - are refused where the pool is or may grow longer than a buffer", () => {
  const most = 4 * GIGABYTE;
  for (const [size, maxSize] of [[most + MEGABYTE, most + MEGABYTE], [MEGABYTE, most + MEGABYTE]] as const) {
    using pool = MemPool.init(size, MEGABYTE / 2, { maxSize });
    const message = `Cannot make records: the pool may grow to ${most + MEGABYTE} bytes, ` +
      `and a buffer holds at most ${most}`;
    assertRefused(() => pool.records(Everything), "unsupported", message);
    assertEquals(pool.stats().allocatedBlocks, 0);
  }
});
