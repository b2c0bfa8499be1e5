/**
 * The recovery after a death in a critical section, on a region over plain memory: it must rebuild everything derived
 * from tags and lengths, whatever the derived words contain, and also after a death between any two stores of an
 * operation.
 */

import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { checkInvariants } from "../../src/diagnostics/invariants.ts";
import { FreeLists } from "../../src/region/free_lists.ts";
import {
  ALLOCATED,
  BLOCK_SIZE as BLOCK_SIZE_COUNTER,
  END_OF_FREE,
  FIRST_LEVEL_MAP,
  FIRST_LEVELS,
  FREE,
  FREE_BLOCKS,
  HIGH_WATER,
  HIGH_WATER_INVERTED,
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
import { validHighWater } from "../../src/region/validate.ts";
import { test } from "../support/harness.ts";
import { BLOCK_SIZE, give, picture, plainRegion, type PlainRun, runsOf, take } from "../support/plain.ts";
import { forAll } from "../support/random.ts";

const BLOCKS = 48;

/** One operation on the table. `pick` chooses the run. */
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

/** A word that recovery rebuilds. `values` are the only ones that it can have before, if not any value is possible. */
interface DerivedWord {
  readonly words: Int32Array;
  readonly word: number;
  readonly values?: readonly number[];
}

/** The lists, the bitmaps and the count of free blocks; the links of free runs, and the words inside runs. */
function derivedWords(region: Region): DerivedWord[] {
  const { header, table } = region;
  const lists = Array.from({ length: FIRST_LEVELS * SECOND_LEVELS }, (_, index) => LIST_HEADS + index);
  const maps = Array.from({ length: FIRST_LEVELS + 1 }, (_, index) => FIRST_LEVEL_MAP + index);
  const found: DerivedWord[] = [...lists, ...maps, FREE_BLOCKS].map((word) => ({ words: header, word }));
  const descriptor = (block: number, field: number): DerivedWord => ({ words: table.words, word: block * 4 + field });
  for (const { first, length, state } of runsOf(region)) {
    if (state === FREE) found.push(descriptor(first, PREVIOUS), descriptor(first, NEXT));
    for (let inner = first + 1; inner < first + length; inner++) {
      found.push(descriptor(inner, LENGTH), descriptor(inner, PREVIOUS), descriptor(inner, NEXT));
      // No inner block can have another state.
      found.push({ ...descriptor(inner, TAG), values: [INTERIOR, FREE, END_OF_FREE] });
    }
  }
  return found;
}

test("recovery - of an intact region changes nothing", () => {
  forAll(200, steps, (all) => {
    const region = after(all);
    const before = picture(region);
    assert(recover(region));
    assertEquals(picture(region), before);
    checkInvariants(region);
  });
});

test("recovery - whatever the derived words contain, the runs stay the same and every invariant holds", () => {
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

test("recovery - all derived words are overwritten at once", () => {
  const region = after([{ kind: "take", pick: 0, length: 7 }, { kind: "take", pick: 0, length: 2 }]);
  give(region, 0);
  for (const { words, word, values } of derivedWords(region)) words[word] = values?.[2] ?? 0x5a5a5a5a;
  assert(recover(region));
  assertEquals(picture(region), "-7 2 -39");
  checkInvariants(region);
});

test("recovery - coalesces adjacent free runs, and frees what freeMany had claimed", () => {
  const region = plainRegion(10);
  for (const _ of [1, 2, 3]) take(region, 2);
  region.table.set(0, TAG, FREE);
  region.table.set(2, TAG, makeTag(RELEASING, 0));
  assert(recover(region));
  assertEquals(picture(region), "-4 2 -4");
  checkInvariants(region);
});

test("recovery - fails if the lengths do not tile the table", () => {
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

class Death extends Error {}

/** A table whose worker dies before it makes more than `stores` stores. */
class MortalTable extends BlockTable {
  stores = Infinity;

  override set(block: number, field: number, value: number): void {
    if (this.stores-- <= 0) throw new Death();
    super.set(block, field, value);
  }
}

/** The same region, for a worker that can die. */
function withMortalTable(region: Region): Region & { readonly table: MortalTable } {
  const table = new MortalTable(region.table.words, region.header, region.table.capacity);
  const lists = new FreeLists(region.header, table);
  return { ...region, table, lists, runs: new Runs(region.header, region.counters, table, lists) };
}

/** Returns whether the worker completed the step before it died. */
function applyOrDie(region: Region & { readonly table: MortalTable }, last: Step, stores: number): boolean {
  region.table.stores = stores;
  try {
    apply(region, last);
    return true;
  } catch (error) {
    if (error instanceof Death) return false;
    throw error;
  } finally {
    region.table.stores = Infinity;
  }
}

test("recovery - after a death between any two stores, every invariant holds and at most one run has changed", () => {
  forAll(200, fc.record({ all: steps, last: step }), ({ all, last }) => {
    for (let stores = 0, done = false; !done; stores++) {
      const region = withMortalTable(after(all));
      const before = allocatedRuns(region);
      done = applyOrDie(region, last, stores);
      assert(recover(region), `after ${stores} stores`);
      checkInvariants(region);
      const now = allocatedRuns(region);
      const changed = before.filter((run) => {
        return !now.some(({ first, length }) => first === run.first && length === run.length);
      });
      assert(changed.length <= 1, `after ${stores} stores: ${picture(region)}`);
    }
  });
});

test("recovery - free runs that were in no list are found again", () => {
  const region = after([{ kind: "take", pick: 0, length: 5 }]);
  region.lists.clear();
  assertEquals(take(region, 1), NONE);
  assert(recover(region));
  assertEquals(take(region, BLOCKS - 5), 5);
});

/**
 * Lets a region, of which 4 blocks were used, recover from these two values of high water. Returns the new value.
 */
function recoverHighWater(stored: number, storedInverted: number, region = plainRegion(10)): number {
  take(region, 4);
  region.header[HIGH_WATER] = stored;
  region.header[HIGH_WATER_INVERTED] = ~storedInverted;
  assert(recover(region));
  checkInvariants(region);
  return validHighWater(region.header);
}

test("recovery - of two different values of high water, the higher one is kept", () => {
  assertEquals([recoverHighWater(4, 4), recoverHighWater(4, 7), recoverHighWater(7, 4)], [4, 7, 7]);
});

test("recovery - a value of high water that no pool of this size can have is ignored", () => {
  for (const impossible of [-1, 11, -(2 ** 31), 2 ** 31 - 1]) {
    assertEquals([recoverHighWater(4, impossible), recoverHighWater(impossible, 4)], [4, 4], `beside ${impossible}`);
  }
});

test("recovery - if both values of high water are impossible, it becomes the number of blocks", () => {
  assertEquals([recoverHighWater(-1, -1), recoverHighWater(11, -5), recoverHighWater(2 ** 31 - 1, 99)], [10, 10, 10]);
});

test("recovery - a value of high water above the blocks that a growing pool has so far is ignored", () => {
  assertEquals(recoverHighWater(4, 12, plainRegion(10, 20)), 4);
  assertEquals(recoverHighWater(12, 12, plainRegion(10, 20)), 10);
});

test("recovery - keeps the number of bytes of a run when the header's block size was overwritten", () => {
  const region = plainRegion(10);
  const run = take(region, 3);
  const bytes = region.table.requested(run);
  region.counters[BLOCK_SIZE_COUNTER] = 1088;
  assert(recover(region));
  assertEquals(region.table.requested(run), bytes);
});
