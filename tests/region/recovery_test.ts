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
import type { Views } from "../../src/region/region.ts";
import { test } from "../support/harness.ts";
import { BLOCK_SIZE, give, picture, type PlainRun, plainViews, runsOf, take } from "../support/plain.ts";
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

function allocatedRuns(views: Views): PlainRun[] {
  return runsOf(views).filter(({ first }) => isAllocated(views.table.tag(first)));
}

function apply(views: Views, { kind, pick, length }: Step): void {
  const taken = allocatedRuns(views);
  if (kind === "take") take(views, length);
  else if (taken.length > 0) {
    const { first } = taken[pick % taken.length]!;
    if (kind === "give") give(views, first);
    else views.runs.resize(first, length, length * BLOCK_SIZE, 1);
  }
}

function after(all: readonly Step[]): Views {
  const views = plainViews(BLOCKS);
  for (const one of all) apply(views, one);
  return views;
}

/** Words that rebuild makes again: lists, bitmaps and the counter; links and ends of runs. */
function derivedWords(views: Views): { words: Int32Array; word: number; values?: readonly number[] }[] {
  const { header, table } = views;
  const lists = Array.from({ length: FIRST_LEVELS * SECOND_LEVELS }, (_, index) => LIST_HEADS + index);
  const maps = Array.from({ length: FIRST_LEVELS + 1 }, (_, index) => FIRST_LEVEL_MAP + index);
  const found: { words: Int32Array; word: number; values?: readonly number[] }[] = [...lists, ...maps, FREE_BLOCKS]
    .map((word) => ({ words: header, word }));
  const descriptor = (block: number, field: number): { words: Int32Array; word: number } => ({
    words: table.words,
    word: block * 4 + field,
  });
  for (const { first, length, state } of runsOf(views)) {
    if (state === FREE) found.push(descriptor(first, PREVIOUS), descriptor(first, NEXT));
    for (let inner = first + 1; inner < first + length; inner++) {
      found.push(descriptor(inner, LENGTH), descriptor(inner, PREVIOUS), descriptor(inner, NEXT));
      // What is handed out is never inside a run, so these are all there can be.
      found.push({ ...descriptor(inner, TAG), values: [INTERIOR, FREE, END_OF_FREE] });
    }
  }
  return found;
}

test("rebuild - of an untouched table changes nothing", () => {
  forAll(200, steps, (all) => {
    const views = after(all);
    const before = picture(views);
    assert(views.runs.rebuild());
    assertEquals(picture(views), before);
    checkInvariants(views);
  });
});

test("rebuild - whatever derived words hold, the runs are the same and every invariant holds", () => {
  const damage = fc.array(fc.record({ place: fc.nat(1_000_000), value: fc.integer() }), {
    minLength: 1,
    maxLength: 60,
  });
  forAll(500, fc.record({ all: steps, damage }), ({ all, damage }) => {
    const views = after(all);
    const before = runsOf(views);
    const derived = derivedWords(views);
    for (const { place, value } of damage) {
      const { words, word, values } = derived[place % derived.length]!;
      words[word] = values === undefined ? value : values[Math.abs(value) % values.length]!;
    }
    assert(views.runs.rebuild());
    assertEquals(runsOf(views), before);
    checkInvariants(views);
  });
});

test("rebuild - all derived words lost at once", () => {
  const views = after([{ kind: "take", pick: 0, length: 7 }, { kind: "take", pick: 0, length: 2 }]);
  give(views, 0);
  for (const { words, word, values } of derivedWords(views)) words[word] = values?.[2] ?? 0x5a5a5a5a;
  assert(views.runs.rebuild());
  assertEquals(picture(views), "-7 2 -39");
  checkInvariants(views);
});

test("rebuild - joins neighbours that were left free side by side, and what freeMany had claimed", () => {
  const views = plainViews(10);
  for (const _ of [1, 2, 3]) take(views, 2);
  views.table.set(0, TAG, FREE);
  views.table.set(2, TAG, makeTag(RELEASING, 0));
  assert(views.runs.rebuild());
  assertEquals(picture(views), "-4 2 -4");
  checkInvariants(views);
});

test("rebuild - refuses lengths that do not tile the table", () => {
  for (const length of [0, -1, 11, 2 ** 31 - 1]) {
    for (const state of [FREE, ALLOCATED]) {
      const views = plainViews(10);
      take(views, 3);
      views.table.set(3, TAG, state);
      views.table.set(3, LENGTH, length);
      assertFalse(views.runs.rebuild(), `length ${length}`);
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
function mortal(views: Views): Views & { readonly table: MortalTable } {
  const table = new MortalTable(views.table.words, views.header, views.table.capacity);
  const lists = new FreeLists(views.header, table);
  return { ...views, table, lists, runs: new Runs(views.header, views.counters, table, lists, views.zeroed) };
}

/** Whether it was done before the stores were used up. */
function applyOrDie(views: Views & { readonly table: MortalTable }, last: Step, stores: number): boolean {
  views.table.stores = stores;
  try {
    apply(views, last);
    return true;
  } catch (error) {
    if (error instanceof Died) return false;
    throw error;
  } finally {
    views.table.stores = Infinity;
  }
}

test("rebuild - after a worker died between any two stores, everything holds and no other run has moved", () => {
  forAll(200, fc.record({ all: steps, last: step }), ({ all, last }) => {
    for (let stores = 0, done = false; !done; stores++) {
      const views = mortal(after(all));
      const before = allocatedRuns(views);
      done = applyOrDie(views, last, stores);
      assert(views.runs.rebuild(), `after ${stores} stores`);
      checkInvariants(views);
      const now = allocatedRuns(views);
      const changed = before.filter((run) =>
        !now.some((same) => same.first === run.first && same.length === run.length)
      );
      assert(changed.length <= 1, `after ${stores} stores: ${picture(views)}`);
    }
  });
});

test("rebuild - lists find every run again", () => {
  const views = after([{ kind: "take", pick: 0, length: 5 }]);
  views.lists.clear();
  assertEquals(take(views, 1), NONE);
  assert(views.runs.rebuild());
  assertEquals(take(views, BLOCKS - 5), 5);
});
