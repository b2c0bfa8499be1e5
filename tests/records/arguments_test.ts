/** Every value of the argument tests, as every argument of every function on records. */

import { assert, assertEquals } from "@std/assert";
import { type MemPool, MemPoolError, record } from "mempool";
import { test } from "../support/harness.ts";
import { destroyQuietly, lastingStats, makePool } from "../support/pool.ts";
import { NUMBERS, OBJECTS, PRIMITIVES, THROWN_BY_VALUE } from "../api/_argument_values.ts";

/** 8 bytes, in a pool of 64 blocks of 64 bytes. Record 0 is allocated, all others are free. */
const Pair = record({ next: "ref", value: "f32" });

/** What happens: the call succeeds, or the class or code of the error. */
type Outcome = string;

const isWhole = (value: number): boolean => Number.isInteger(value) && value >= 0;

/** What a reference or an offset leads to, in units of `unit`. */
function outcomeOfNumber(value: unknown, ofWhole: (value: number) => Outcome): Outcome {
  if (typeof value !== "number") return "TypeError";
  return isWhole(value) ? ofWhole(value) : "RangeError";
}

const outcomeOfFree = (value: number): Outcome => {
  return value === 0 ? "ok" : value < 64 ? "double-free" : "foreign-block";
};

interface Call {
  call(pool: MemPool, value: never): unknown;
  outcome(value: unknown): Outcome;
}

const numbers = (call: Call["call"], ofWhole: (value: number) => Outcome): Call => ({
  call,
  outcome: (value) => outcomeOfNumber(value, ofWhole),
});
const refused = (call: Call["call"]): Call => ({ call, outcome: () => "TypeError" });

const CALLS: Readonly<Record<string, Call>> = {
  "free": numbers((pool, ref) => pool.records(Pair).free(ref), outcomeOfFree),
  "freeMany of one": numbers((pool, ref) => pool.records(Pair).freeMany([ref]), outcomeOfFree),
  "freeMany": { call: (pool, refs) => pool.records(Pair).freeMany(refs), outcome: outcomeOfList },
  "allocMany": numbers((pool, count) => {
    const refs = pool.records(Pair).allocMany(count);
    if (refs !== null) pool.records(Pair).freeMany(refs);
  }, () => "ok"),
  "offsetOf": numbers((pool, ref) => pool.records(Pair).offsetOf(ref), (value) => value < 64 ? "ok" : "RangeError"),
  "refAt": numbers(
    (pool, offset) => pool.records(Pair).refAt(offset),
    (value) => value % 64 === 0 && value < 4096 ? "ok" : "foreign-block",
  ),
  "records": refused((pool, layout) => pool.records(layout)),
  "record": refused((_, fields) => record(fields)),
  "type of a field": refused((_, type) => record({ field: type })),
  "length of a field": numbers(
    (_, length) => record({ field: ["u8", length] }),
    (value) => value === 0 || value > 2 ** 53 - 1 ? "RangeError" : "ok",
  ),
  "order": {
    call: (_, order) => record({ a: "u8" }, { order }),
    outcome: (order) => order === undefined ? "ok" : "TypeError",
  },
};

/** What freeing the elements of a value leads to. */
function outcomeOfList(value: unknown): Outcome {
  if (typeof value !== "object" && typeof value !== "function" || value === null) return "TypeError";
  if (typeof (value as Iterable<unknown>)[Symbol.iterator] !== "function") return "TypeError";
  const all = [...value as Iterable<unknown>];
  return all.length === 0 ? "ok" : outcomeOfNumber(all[0], outcomeOfFree);
}

function outcomeOf(act: () => unknown): Outcome {
  try {
    act();
    return "ok";
  } catch (error) {
    if (error === THROWN_BY_VALUE) return "thrown";
    assert(error instanceof Error);
    const isOurs = /^Cannot (?:free|allocate|locate|look at|make records|define a record)\b/.test(error.message);
    if (!isOurs) return `engine: ${error.message}`;
    return error instanceof MemPoolError ? error.code : error.name;
  }
}

const VALUES: readonly (readonly [string, () => unknown])[] = [
  ...Object.entries(NUMBERS).map(([name, value]) => [name, () => value] as const),
  ...Object.entries(PRIMITIVES).map(([name, value]) => [name, () => value] as const),
  ...Object.entries(OBJECTS).map(([name, make]) => [name, make] as const),
];

/** Values whose own code, or the engine's because of them, may end the call instead. They must not succeed. */
const THROWS = new Set(["throwing proxy", "revoked proxy", "throwing conversions", "iterator is a number"]);

for (const [name, { call, outcome }] of Object.entries(CALLS)) {
  test(`record arguments - ${name} gives every value the expected outcome, and a refusal changes nothing`, () => {
    for (const checked of [false, true]) {
      for (const [valueName, makeValue] of VALUES) {
        const pool = makePool({ checked });
        assertEquals(pool.records(Pair).alloc(), 0);
        const before = lastingStats(pool);
        const what = `${name} with ${valueName}${checked ? ", checked" : ""}`;
        const found = outcomeOf(() => call(pool, makeValue() as never));
        if (THROWS.has(valueName)) assert(found !== "ok", what);
        else assertEquals([what, found], [what, outcome(makeValue())]);
        if (found !== "ok") assertEquals(lastingStats(pool), before);
        pool.check();
        destroyQuietly(pool);
      }
    }
  });
}
