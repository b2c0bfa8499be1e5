/** Which blocks are known to be zero, against a plain array of what is. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { BLOCK_CAPACITY, HIGH_WATER, ZEROED_BLOCKS } from "../../src/region/layout.ts";
import { ZeroMap } from "../../src/region/zero_map.ts";
import { test } from "../support/harness.ts";
import { plainHeader } from "../support/plain.ts";
import { forAll } from "../support/random.ts";
import { watched } from "../support/recording.ts";

const BLOCKS = 200;

function plainMap(): { header: Int32Array; map: ZeroMap } {
  const header = plainHeader(BLOCKS);
  return { header, map: new ZeroMap(header, new Int32Array(Math.ceil(BLOCKS / 32))) };
}

function marksOf(map: ZeroMap): boolean[] {
  return Array.from({ length: BLOCKS }, (_, block) => map.next(true, block, block + 1) === block);
}

const spans = fc.tuple(fc.nat(BLOCKS - 1), fc.integer({ min: 1, max: BLOCKS })).map(([first, length]) => ({
  first,
  end: Math.min(first + length, BLOCKS),
}));

test("zero map - marks, clears and uses as a list of blocks would", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("mark", "clear", "use"), spans), { maxLength: 40 });
  forAll(1000, fc.tuple(fc.nat(BLOCKS), steps), ([highWater, series]) => {
    const { header, map } = plainMap();
    map.highWater = highWater;
    const zero: boolean[] = Array.from({ length: BLOCKS }, () => false);
    for (const [what, { first, end }] of series as ["mark" | "clear" | "use", { first: number; end: number }][]) {
      if (what === "use") {
        const water = header[HIGH_WATER]!;
        map.use(first, end);
        let dirty = Math.min(end, water);
        while (dirty > first && zero[dirty - 1] === true) dirty--;
        assertEquals(Math.max(map.dirtyEnd, first), Math.max(dirty, first));
        assertEquals(header[HIGH_WATER], Math.max(water, end));
      } else {
        map[what](first, end);
      }
      zero.fill(what === "mark", first, end);
      assertEquals(marksOf(map), zero);
      assertEquals(header[ZEROED_BLOCKS], zero.filter(Boolean).length);
    }
  });
});

test("zero map - after each store, at least as many marks are counted as there are", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("mark", "clear"), spans), { maxLength: 10 });
  forAll(200, steps, (series) => {
    const header = plainHeader(BLOCKS);
    const words = new Int32Array(Math.ceil(BLOCKS / 32));
    const plain = new ZeroMap(header, words);
    const assertEnough = (): void => assert(header[ZEROED_BLOCKS]! >= plain.count(0, BLOCKS));
    const map = new ZeroMap(watched(header, assertEnough), watched(words, assertEnough));
    for (const [what, { first, end }] of series as ["mark" | "clear", { first: number; end: number }][]) {
      map[what](first, end);
    }
  });
});

test("zero map - the next block that is marked or is not", () => {
  forAll(1000, fc.tuple(fc.array(spans, { maxLength: 5 }), spans, fc.boolean()), ([marked, { first, end }, wanted]) => {
    const { map } = plainMap();
    for (const span of marked) map.mark(span.first, span.end);
    const marks = marksOf(map);
    let expected = first;
    while (expected < end && marks[expected] !== wanted) expected++;
    assertEquals(map.next(wanted, first, end), expected);
  });
});

test("zero map - a count that a death left too high is made right", () => {
  const { header, map } = plainMap();
  map.mark(10, 20);
  header[ZEROED_BLOCKS] = 77;
  map.repair();
  assertEquals(header[ZEROED_BLOCKS], 0, "a pool that may have no blocks has no marks");
  header[BLOCK_CAPACITY] = BLOCKS;
  header[ZEROED_BLOCKS] = 77;
  map.repair();
  assertEquals(header[ZEROED_BLOCKS], 10);
  assert(map.next(true, 0, BLOCKS) === 10);
});
