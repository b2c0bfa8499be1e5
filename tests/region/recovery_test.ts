/** What is derived can be lost: `rebuild` makes it again from tags and lengths, after any single store too. */

import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { checkInvariants } from "../../src/diagnostics/invariants.ts";
import { FreeLists } from "../../src/region/free_lists.ts";
import {
  ALLOCATED,
  END_OF_FREE,
  FIRST_LEVEL_MAP,
  FIRST_LEVELS,
  FREE,
  FREE_BLOCKS,
  INTERIOR,
  LENGTH,
  LIST_HEADS,
  NEXT,
  NONE,
  PREVIOUS,
  RELEASING,
  SECOND_LEVELS,
  TAG,
} from "../../src/region/layout.ts";
import { Runs } from "../../src/region/runs.ts";
import { BlockTable, isAllocated, makeTag } from "../../src/region/block_table.ts";
import type { Region } from "../../src/region/region.ts";
import { recover } from "../../src/allocator/recovery.ts";
import { test } from "../support/harness.ts";
import { BLOCK_SIZE, give, picture, plainRegion, type PlainRun, runsOf, take } from "../support/plain.ts";
import { forAll } from "../support/random.ts";

const BLOCKS = 48;

/** Something done to the table: by `pick` which run, by `length` how much of it. */
type Step = { readonly kind: "take" | "give" | "resize"; readonly pick: number; readonly length: number };

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("take", "take", "give", "resize"),
  pick: fc.nat(1000),
  length: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 9 })),
});
const steps = fc.array(step, { maxLength: 40 });

function allocatedRuns(region: Region): PlainRun[] {
  return runsOf(region).filter(({ first }) => isAllocated(region.table.tag(first)));
}

function apply(region: Region, { kind, pick, length }: Step): void {
  const taken = allocatedRuns(region);
  if (kind === "take") take(region, length);
  else if (taken.length > 0) {
    const { first } = taken[pick % taken.length]!;
    if (kind === "give") give(region, first);
    else region.runs.resize(first, length, length * BLOCK_SIZE, 1);
  }
}

function after(all: readonly Step[]): Region {
  const region = plainRegion(BLOCKS);
  for (const one of all) apply(region, one);
  return region;
}

/** Words that rebuild makes again: lists, bitmaps and the counter; links and ends of runs. */
function derivedWords(region: Region): { words: Int32Array; word: number; values?: readonly number[] }[] {
  const { header, table } = region;
  const lists = Array.from({ length: FIRST_LEVELS * SECOND_LEVELS }, (_, index) => LIST_HEADS + index);
  const maps = Array.from({ length: FIRST_LEVELS + 1 }, (_, index) => FIRST_LEVEL_MAP + index);
  const found: { words: Int32Array; word: number; values?: readonly number[] }[] = [...lists, ...maps, FREE_BLOCKS]
    .map((word) => ({ words: header, word }));
  const descriptor = (block: number, field: number): { words: Int32Array; word: number } => ({
    words: table.words,
    word: block * 4 + field,
  });
  for (const { first, length, state } of runsOf(region)) {
    if (state === FREE) found.push(descriptor(first, PREVIOUS), descriptor(first, NEXT));
    for (let inner = first + 1; inner < first + length; inner++) {
      found.push(descriptor(inner, LENGTH), descriptor(inner, PREVIOUS), descriptor(inner, NEXT));
      // What is handed out is never inside a run, so these are all there can be.
      found.push({ ...descriptor(inner, TAG), values: [INTERIOR, FREE, END_OF_FREE] });
    }
  }
  return found;
}

test("recovery - of an untouched table changes nothing", () => {
  forAll(200, steps, (all) => {
    const region = after(all);
    const before = picture(region);
    assert(recover(region));
    assertEquals(picture(region), before);
    checkInvariants(region);
  });
});

test("recovery - whatever derived words hold, the runs are the same and every invariant holds", () => {
  const damage = fc.array(fc.record({ place: fc.nat(1_000_000), value: fc.integer() }), {
    minLength: 1,
    maxLength: 60,
  });
  forAll(500, fc.record({ all: steps, damage }), ({ all, damage }) => {
    const region = after(all);
    const before = runsOf(region);
    const derived = derivedWords(region);
    for (const { place, value } of damage) {
      const { words, word, values } = derived[place % derived.length]!;
      words[word] = values === undefined ? value : values[Math.abs(value) % values.length]!;
    }
    assert(recover(region));
    assertEquals(runsOf(region), before);
    checkInvariants(region);
  });
});

test("recovery - all derived words lost at once", () => {
  const region = after([{ kind: "take", pick: 0, length: 7 }, { kind: "take", pick: 0, length: 2 }]);
  give(region, 0);
  for (const { words, word, values } of derivedWords(region)) words[word] = values?.[2] ?? 0x5a5a5a5a;
  assert(recover(region));
  assertEquals(picture(region), "-7 2 -39");
  checkInvariants(region);
});

test("recovery - joins neighbours that were left free side by side, and what freeMany had claimed", () => {
  const region = plainRegion(10);
  for (const _ of [1, 2, 3]) take(region, 2);
  region.table.set(0, TAG, FREE);
  region.table.set(2, TAG, makeTag(RELEASING, 0));
  assert(recover(region));
  assertEquals(picture(region), "-4 2 -4");
  checkInvariants(region);
});

test("recovery - refuses lengths that do not tile the table", () => {
  for (const length of [0, -1, 11, 2 ** 31 - 1]) {
    for (const state of [FREE, ALLOCATED]) {
      const region = plainRegion(10);
      take(region, 3);
      region.table.set(3, TAG, state);
      region.table.set(3, LENGTH, length);
      assertFalse(recover(region), `length ${length}`);
    }
  }
});

class Died extends Error {}

/** A table whose worker ends before its next store once `stores` are used up. */
class MortalTable extends BlockTable {
  stores = Infinity;

  override set(block: number, field: number, value: number): void {
    if (this.stores-- <= 0) throw new Died();
    super.set(block, field, value);
  }
}

/** The same region as a worker sees it that can die. */
function mortal(region: Region): Region & { readonly table: MortalTable } {
  const table = new MortalTable(region.table.words, region.header, region.table.capacity);
  const lists = new FreeLists(region.header, table);
  return { ...region, table, lists, runs: new Runs(region.header, region.counters, table, lists) };
}

/** Whether it was done before the stores were used up. */
function applyOrDie(region: Region & { readonly table: MortalTable }, last: Step, stores: number): boolean {
  region.table.stores = stores;
  try {
    apply(region, last);
    return true;
  } catch (error) {
    if (error instanceof Died) return false;
    throw error;
  } finally {
    region.table.stores = Infinity;
  }
}

test("recovery - after a worker died between any two stores, everything holds and no other run has moved", () => {
  forAll(200, fc.record({ all: steps, last: step }), ({ all, last }) => {
    for (let stores = 0, done = false; !done; stores++) {
      const region = mortal(after(all));
      const before = allocatedRuns(region);
      done = applyOrDie(region, last, stores);
      assert(recover(region), `after ${stores} stores`);
      checkInvariants(region);
      const now = allocatedRuns(region);
      const changed = before.filter((run) =>
        !now.some((same) => same.first === run.first && same.length === run.length)
      );
      assert(changed.length <= 1, `after ${stores} stores: ${picture(region)}`);
    }
  });
});

test("recovery - lists find every run again", () => {
  const region = after([{ kind: "take", pick: 0, length: 5 }]);
  region.lists.clear();
  assertEquals(take(region, 1), NONE);
  assert(recover(region));
  assertEquals(take(region, BLOCKS - 5), 5);
});
