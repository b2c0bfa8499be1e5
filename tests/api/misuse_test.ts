/** Programs with one mistake each: the exact message that tells it, and a pool that is as it was. */

import { assert, assertEquals } from "@std/assert";
import type { MemPool, MemPoolOptions } from "mempool";
import { test, withWorkers } from "../support/harness.ts";
import { assertRefusedAsMisuse, assertWarned, type Kind, type Message, type Misuse } from "./_misuse.ts";
import { DOUBLE_FREES, FOREIGN_BLOCKS, NO_BLOCKS } from "./_misuse_free.ts";
import { DEFAULTS, ENDED, HANDLES, MAKING } from "./_misuse_lifetime.ts";
import { NUMBERS, USES } from "./_misuse_use.ts";
import type { Order } from "./_misuse_worker.ts";
import { type Hand, SHARED_FREES, SHARED_USES, type SharedMisuse } from "./_misuse_workers.ts";
import {
  assertOneFreeRun,
  assertRefused,
  destroyQuietly,
  makePool,
  type PoolShape,
  present,
  warningsOf,
  withoutStacks,
  withPool,
} from "../support/pool.ts";

/** Misuse of free, of which a pool may be told only to warn. */
const WARNED: readonly Misuse[] = [...DOUBLE_FREES, ...FOREIGN_BLOCKS];

/** Misuse that is an error whatever the pool was told. */
const REFUSED: readonly Misuse[] = [...NO_BLOCKS, ...USES, ...NUMBERS, ...ENDED, ...HANDLES, ...MAKING, ...DEFAULTS];

/** Pools that say the same to every misuse of these tables. What only a checked pool finds is in tests/checked_*_test.ts. */
const SHAPES: readonly PoolShape[] = [{ cachedBlocks: 0 }, { cachedBlocks: 4 }, { checked: true }];

type Prepare = (pool: MemPool) => (() => unknown) | Promise<() => unknown>;

type Expect = (pool: MemPool, wrong: () => unknown) => Promise<void>;

/** Prepares a wrong call on a pool of each shape, and expects of it what is to be expected. */
async function onEach(options: MemPoolOptions, prepare: Prepare, expect: Expect): Promise<void> {
  for (const shape of SHAPES) {
    using pool = makePool({ ...shape, ...options });
    try {
      await expect(pool, await quietly(() => prepare(pool)));
      destroyQuietly(pool);
    } catch (error) {
      throw new Error(`With ${JSON.stringify({ ...shape, ...options })}: ${String(error)}`, { cause: error });
    }
  }
}

/** Some programs destroy a pool with the block that their wrong call is to name: a checked one tells of that. */
function quietly<T>(act: () => T): T {
  let result: { readonly value: T } | undefined;
  warningsOf(() => result = { value: act() });
  return result!.value;
}

function messageOf(message: Message, pool: MemPool): string {
  return typeof message === "string" ? message : message(pool);
}

function refused(kind: Kind, message: Message): Expect {
  return (pool, wrong) => assertRefusedAsMisuse(pool, wrong, kind, messageOf(message, pool));
}

function warned(message: Message): Expect {
  return (pool, wrong) => assertWarned(pool, wrong, messageOf(message, pool));
}

for (const [wrong, kind, message, program] of [...WARNED, ...REFUSED]) {
  test(`misuse - ${wrong}`, () => onEach({}, program, refused(kind, message)));
}

for (const [wrong, , message, program] of WARNED) {
  test(`misuse - ${wrong}: a line on the console where the pool only warns`, () =>
    onEach({ onMisuse: "warn" }, program, warned(message)));
}

for (const [wrong, kind, message, program] of REFUSED) {
  test(`misuse - ${wrong}: an error also where the pool only warns`, () =>
    onEach({ onMisuse: "warn" }, program, refused(kind, message)));
}

/** Lets `use` have the other worker. */
function withHand(use: (hand: Hand) => Promise<void>): Promise<void> {
  return withWorkers(new URL("./_misuse_worker.ts", import.meta.url), 1, ([worker]) => {
    const order = (message: Order, transfer?: ArrayBuffer[]): Promise<unknown[][]> => worker!.call(message, transfer);
    return use({
      order,
      call: (method, ...args) => order({ ask: "call", method, args }),
      callWithKept: (method, ...args) => order({ ask: "call", method, kept: true, args }),
    });
  });
}

/** As for one worker, once the other has attached the pool. */
function shared(program: SharedMisuse[3], hand: Hand): Prepare {
  return async (pool) => {
    await hand.order({ ask: "attach", handle: pool.handle });
    return program(pool, hand);
  };
}

for (const [wrong, kind, message, program] of [...SHARED_FREES, ...SHARED_USES]) {
  test(`misuse - two workers: ${wrong}`, () =>
    withHand((hand) => onEach({}, shared(program, hand), refused(kind, message))));
}

for (const [wrong, , message, program] of SHARED_FREES) {
  test(`misuse - two workers: ${wrong}: a line on the console where the pool only warns`, () =>
    withHand((hand) => onEach({ onMisuse: "warn" }, shared(program, hand), warned(message))));
}

test(
  "onMisuse - a freeMany that only warns frees nothing, and can be called again without the mistake",
  withPool((pool) => {
    const [a, b] = present(pool.allocMany(2, 64)) as [ArrayBuffer, ArrayBuffer];
    const warnings = warningsOf(() => pool.freeMany([a, b, a])).map(([line]) => withoutStacks(String(line)));
    assertEquals(warnings, [
      "mempool: potential double free. Cannot free block at offset 0: it is already free",
    ]);
    assertEquals(pool.stats().allocatedBlocks, 2);
    assertEquals(warningsOf(() => pool.freeMany([a, b])), []);
    assertOneFreeRun(pool);
  }, { onMisuse: "warn" }),
);

test("onMisuse - is throw unless given, and then nothing is printed", () => {
  for (const shape of [{}, { onMisuse: "throw" }] as const) {
    using pool = makePool(shape);
    const message = "Cannot free block at offset 0: it is already free";
    assertEquals(warningsOf(() => assertRefused(() => pool.freeOffset(0), "double-free", message)), []);
  }
});

test("misuse - so many programs, no two of them with the same mistake", () => {
  const mistakes = [...WARNED, ...REFUSED, ...SHARED_FREES, ...SHARED_USES].map(([wrong]) => wrong);
  assert(mistakes.length >= 60 && new Set(mistakes).size === mistakes.length, `${mistakes.length} programs`);
});
