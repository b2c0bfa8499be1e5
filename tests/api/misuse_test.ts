/** Programs with one mistake each: the exact error or warning, and an unchanged pool. */

import { assert, assertEquals } from "@std/assert";
import type { MemPool, MemPoolOptions } from "mempool";
import { spawnWorker, test, type TestWorker } from "../support/harness.ts";
import { assertRefusedAsMisuse, assertWarned, type Kind, type Message, type Misuse } from "./_misuse.ts";
import { DOUBLE_FREES, FOREIGN_BLOCKS, NOT_BLOCKS } from "./_misuse_free.ts";
import { AFTER_THE_END, DEFAULTS, HANDLES, INITS } from "./_misuse_lifetime.ts";
import { NUMBERS, USES } from "./_misuse_use.ts";
import type { Order } from "./_misuse_worker.ts";
import { type OtherWorker, TWO_WORKER_FREES, TWO_WORKER_USES, type TwoWorkerMisuse } from "./_misuse_workers.ts";
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

/** Misuse of free, which only warns with onMisuse: "warn". */
const WARNED: readonly Misuse[] = [...DOUBLE_FREES, ...FOREIGN_BLOCKS];

/** Misuse that throws with any onMisuse. */
const REFUSED: readonly Misuse[] = [
  ...NOT_BLOCKS,
  ...USES,
  ...NUMBERS,
  ...AFTER_THE_END,
  ...HANDLES,
  ...INITS,
  ...DEFAULTS,
];

/** Shapes of pools that treat every misuse in these tables in the same way. tests/checked tests what only checked pools find. */
const SHAPES: readonly PoolShape[] = [{ cachedBlocks: 0 }, { cachedBlocks: 4 }, { checked: true }];

type Prepare = (pool: MemPool) => (() => unknown) | Promise<() => unknown>;

type Expect = (pool: MemPool, wrong: () => unknown) => Promise<void>;

/** Prepares a wrong call on a pool of each shape, and passes the call to `expect`. */
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

/** Some programs destroy a pool that has an allocated block. A checked pool would print that leak. */
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

for (const [mistake, kind, message, program] of [...WARNED, ...REFUSED]) {
  test(`misuse - ${mistake} throws ${kind}`, () => onEach({}, program, refused(kind, message)));
}

for (const [mistake, , message, program] of WARNED) {
  test(`misuse - ${mistake} prints a warning, with onMisuse: warn`, () =>
    onEach({ onMisuse: "warn" }, program, warned(message)));
}

for (const [mistake, kind, message, program] of REFUSED) {
  test(`misuse - ${mistake} throws ${kind}, with onMisuse: warn`, () =>
    onEach({ onMisuse: "warn" }, program, refused(kind, message)));
}

/** The other worker of all tests. To start a worker takes longer than a test, and each test attaches a new pool. */
let worker: TestWorker | undefined;

function otherWorker(): OtherWorker {
  worker ??= spawnWorker(new URL("./_misuse_worker.ts", import.meta.url));
  const { call } = worker;
  const order = (message: Order, transfer?: ArrayBuffer[]): Promise<unknown[][]> => call(message, transfer);
  return {
    order,
    call: (method, ...args) => order({ ask: "call", method, args }),
    callWithKept: (method, ...args) => order({ ask: "call", method, kept: true, args }),
  };
}

/** Prepares a program for two workers: the other worker attaches the pool first. */
function forTwoWorkers(program: TwoWorkerMisuse[3], other: OtherWorker): Prepare {
  return async (pool) => {
    await other.order({ ask: "attach", handle: pool.handle });
    return program(pool, other);
  };
}

for (const [mistake, kind, message, program] of [...TWO_WORKER_FREES, ...TWO_WORKER_USES]) {
  test(`misuse - ${mistake} throws ${kind}`, () =>
    onEach({}, forTwoWorkers(program, otherWorker()), refused(kind, message)));
}

for (const [mistake, , message, program] of TWO_WORKER_FREES) {
  test(`misuse - ${mistake} prints a warning, with onMisuse: warn`, () =>
    onEach({ onMisuse: "warn" }, forTwoWorkers(program, otherWorker()), warned(message)));
}

test(
  "onMisuse - lets freeMany free nothing after a warning, and everything when it is called again without the mistake",
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

test("onMisuse - is throw by default, and then nothing is printed", () => {
  for (const shape of [{}, { onMisuse: "throw" }] as const) {
    using pool = makePool(shape);
    const message = "Cannot free block at offset 0: it is already free";
    assertEquals(warningsOf(() => assertRefused(() => pool.freeOffset(0), "double-free", message)), []);
  }
});

test("misuse - there are at least 60 programs, each with a mistake of its own", () => {
  const mistakes = [...WARNED, ...REFUSED, ...TWO_WORKER_FREES, ...TWO_WORKER_USES].map(([mistake]) => mistake);
  assert(mistakes.length >= 60 && new Set(mistakes).size === mistakes.length, `${mistakes.length} programs`);
});
