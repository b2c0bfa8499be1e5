/** The free lists: classes of lengths, the search for a run that fits, and the bitmaps. */

import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { classOf, FreeLists, shortestIn } from "../../src/region/free_lists.ts";
import { FIRST_LEVELS, MAX_BLOCKS, NONE, SECOND_LEVELS } from "../../src/region/layout.ts";
import { test } from "../support/harness.ts";
import { longestListed, plainHeader, plainTable } from "../support/plain.ts";
import { forAll } from "../support/random.ts";

const CLASSES = FIRST_LEVELS * SECOND_LEVELS;

/** Free lists over plain memory. Runs are added one behind the other, with a gap between them. */
class PlainLists {
  readonly table = plainTable(65_536);
  readonly lists = new FreeLists(plainHeader(65_536), this.table);
  #end = 0;

  constructor(...lengths: number[]) {
    this.lists.clear();
    for (const length of lengths) this.add(length);
  }

  add(length: number): number {
    const first = this.#end;
    this.#end += length + 1;
    this.table.describeFree(first, length);
    this.lists.insert(first, length);
    return first;
  }

  remove(first: number): void {
    this.lists.remove(first, this.table.length(first));
  }

  /** The length of the run that `find` returns, 0 for none. */
  found(length: number): number {
    const block = this.lists.find(length);
    return block === NONE ? 0 : this.table.length(block);
  }
}

/** Asserts that the shortest length of its class is at most `length`, and that of the next class is more. */
function assertInClass(length: number): void {
  const index = classOf(length);
  const next = index + 1;
  assert(index >= 0 && index < CLASSES, `${length} is in class ${index}`);
  assert(shortestIn(index) <= length, `${length} is shorter than the shortest of its class`);
  assert(next === CLASSES || shortestIn(next) > length, `${length} belongs to the next class`);
}

test("classOf - every length up to 2^12 lies between the shortest length of its class and that of the next", () => {
  for (let length = 1; length <= 2 ** 12; length++) assertInClass(length);
});

test("classOf - so do lengths up to 2^28: random ones, and those next to a power of two", () => {
  forAll(20_000, fc.integer({ min: 1, max: 2 ** 28 - 1 }), assertInClass);
  for (let bit = 0; bit < 28; bit++) for (const by of [-1, 0, 1]) if (2 ** bit + by >= 1) assertInClass(2 ** bit + by);
  assertInClass(MAX_BLOCKS);
});

test("shortestIn - the shortest length of a class belongs to that class", () => {
  for (let index = 1; index < CLASSES && shortestIn(index) <= MAX_BLOCKS; index++) {
    assertEquals(classOf(shortestIn(index)), index);
  }
});

test("classOf - below 64 each length has its own class; above, lengths of one class differ by less than 1/32", () => {
  for (let length = 1; length < 64; length++) assertEquals(shortestIn(classOf(length)), length);
  for (let index = classOf(64); index + 1 < CLASSES; index++) {
    assert(shortestIn(index + 1) - shortestIn(index) <= shortestIn(index) / 32);
  }
});

test("find - finds nothing in empty lists", () => {
  const fixture = new PlainLists();
  for (const length of [1, 2, 63, 64, 1000, MAX_BLOCKS]) assertEquals(fixture.found(length), 0);
  assertEquals(longestListed(fixture), 0);
});

test("find - finds a run of exactly the wanted length, also the longest", () => {
  for (const length of [1, 2, 31, 32, 33, 63, 64, 65, 100, 1023, 1024, 1025, 4097, 60_000]) {
    const fixture = new PlainLists(length);
    assertEquals(fixture.found(length), length);
    assertEquals(fixture.found(length + 1), 0);
    assertEquals(longestListed(fixture), length);
  }
});

test("find - searches the class of the wanted length if no longer class has a run", () => {
  // 2048 to 2111 are one class.
  assertEquals(classOf(2049), classOf(2110));
  const fixture = new PlainLists(2049, 2110, 2050);
  assertEquals(fixture.found(2100), 2110);
  assertEquals(fixture.found(2110), 2110);
  assertEquals(fixture.found(2111), 0);
});

test("find - prefers the shortest class in which every run fits", () => {
  const fixture = new PlainLists(5, 9, 700, 30);
  assertEquals([1, 5, 6, 9, 10, 30, 31, 700, 701].map((length) => fixture.found(length)), [
    5,
    5,
    9,
    9,
    30,
    30,
    700,
    700,
    0,
  ]);
});

test("findShortest - returns the first run that suits, or the shortest one after a number of looks", () => {
  const { lists, table } = new PlainLists(3, 1, 70, 1, 2, 64);
  const found = (looks: number, suits: (length: number, block: number) => boolean): string => {
    const seen: number[] = [];
    const block = lists.findShortest(looks, (block) => {
      seen.push(table.length(block));
      return suits(table.length(block), block);
    });
    return `${seen} finds ${block === NONE ? NONE : table.length(block)}`;
  };
  assertEquals(found(9, () => true), "1 finds 1");
  assertEquals(found(9, (length) => length > 2), "1,1,2,3 finds 3");
  assertEquals(found(9, (length) => length > 64), "1,1,2,3,64,70 finds 70");
  assertEquals(found(3, (length) => length > 2), "1,1,2 finds 1");
  assertEquals(found(0, () => true), " finds 1");
  assertEquals(found(9, () => false), "1,1,2,3,64,70 finds 1");
  assertEquals(new PlainLists().lists.findShortest(9, () => true), NONE);
});

test("remove - removes the first, the middle and the last run of a list", () => {
  for (const gone of [0, 1, 2]) {
    const fixture = new PlainLists();
    const runs = [fixture.add(3), fixture.add(3), fixture.add(3)];
    fixture.remove(runs[gone]!);
    const left = new Set(runs.filter((_, place) => place !== gone));
    for (const _ of [1, 2]) {
      const block = fixture.lists.find(3);
      assert(left.delete(block));
      fixture.remove(block);
    }
    assertEquals(fixture.found(1), 0);
    assertFalse(fixture.lists.isMarked(classOf(3)));
  }
});

test("bitmaps - a bit is set exactly if its list holds a run", () => {
  const lengths = [1, 31, 32, 63, 64, 66, 127, 128, 4096, 50_000]; // each in a class of its own
  const fixture = new PlainLists();
  const runs = lengths.map((length) => fixture.add(length));
  const marked = new Set(lengths.map(classOf));
  for (const [place, run] of runs.entries()) {
    for (let index = 0; index < CLASSES; index++) assertEquals(fixture.lists.isMarked(index), marked.has(index));
    for (let level = 0; level < FIRST_LEVELS; level++) assert(fixture.lists.isLevelTrue(level));
    fixture.remove(run);
    marked.delete(classOf(lengths[place]!));
  }
});

test("clear - empties every list", () => {
  const fixture = new PlainLists(1, 2, 3, 100, 5000);
  fixture.lists.clear();
  assertEquals(fixture.found(1), 0);
  for (let index = 0; index < CLASSES; index++) assertEquals(fixture.lists.head(index), NONE);
});

test("find - is right after any sequence of inserts and removes", () => {
  const lengths = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 900 }));
  const steps = fc.array(fc.record({ length: lengths, wanted: lengths, remove: fc.nat() }), { maxLength: 60 });
  forAll(300, steps, (all) => {
    const fixture = new PlainLists();
    const runs: number[] = [];
    for (const { length, wanted, remove } of all) {
      runs.push(fixture.add(length));
      if (remove % 3 === 0) fixture.remove(runs.splice(remove % runs.length, 1)[0]!);
      const longest = Math.max(0, ...runs.map((run) => fixture.table.length(run)));
      assertEquals(longestListed(fixture), longest);
      const found = fixture.found(wanted);
      assertEquals(found >= wanted, longest >= wanted, `${wanted} of at most ${longest}: found ${found}`);
    }
  });
});
