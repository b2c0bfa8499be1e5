/** Passes one value as one argument, to a pool that is new or to one that many calls have used. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as mempool from "mempool";
import { type MemPool, MemPoolError, type MemPoolErrorCode } from "mempool";
import { describe } from "../../src/base/arguments.ts";
import {
  destroyQuietly,
  type LastingStats,
  lastingStats,
  makePool,
  type PoolShape,
  present,
  withoutStacks,
} from "../support/pool.ts";
import { type Call, LENGTH } from "./_argument_calls.ts";
import { type Expectation, expectationOf, shownAs } from "./_argument_table.ts";
import {
  type Context,
  FOREIGN_BUFFERS,
  NUMBERS,
  OBJECTS,
  POOL_VALUES,
  PRIMITIVES,
  THROWN_BY_VALUE,
} from "./_argument_values.ts";

const MAKERS: Readonly<Record<string, (context: Context) => unknown>> = {
  ...OBJECTS,
  ...FOREIGN_BUFFERS,
  ...POOL_VALUES,
};

/** The names of all values. */
export const VALUES: readonly string[] = [NUMBERS, PRIMITIVES, MAKERS].flatMap(Object.keys);

/** The names of the values that a pool of this shape can make. A checked pool detaches a freed buffer for good. */
export function valuesFor({ checked = false }: PoolShape): readonly string[] {
  return checked ? VALUES.filter((name) => name !== "freed block, then moved") : VALUES;
}

export function valueOf(name: string, context: Context): unknown {
  if (name in NUMBERS) return NUMBERS[name];
  return name in PRIMITIVES ? PRIMITIVES[name] : MAKERS[name]!(context);
}

/** A pool of 1024 blocks that is the default of this thread. A block is allocated at offset 128; the two before are free. */
export class Fixture implements Disposable {
  readonly pool: MemPool;
  readonly shape: PoolShape;
  readonly #other: MemPool;

  /** @param other Another pool, with a block at offset 0. */
  constructor(shape: PoolShape, other: MemPool) {
    this.#other = other;
    this.shape = shape;
    this.pool = mempool.init(65536, 64, shape);
    const offsets = [1, 2, 3].map(() => this.pool.allocOffset(LENGTH));
    assertEquals(offsets, [0, 64, 128]);
    this.pool.freeOffset(64);
    this.pool.freeOffset(0);
  }

  newContext(): Context {
    const block = this.#allocateAtZero();
    assertEquals(this.pool.offsetOf(block), 0);
    return { pool: this.pool, block, other: this.#other, otherBlock: this.#other.at(0) };
  }

  /** Allocates the block at offset 0, with a buffer that no earlier case has changed. */
  #allocateAtZero(): ArrayBuffer {
    const { pool } = this;
    // A checked pool has no worker caches and makes a new buffer for every allocation.
    if (this.shape.checked === true) return present(pool.alloc(LENGTH));
    const passed: ArrayBuffer[] = [];
    // Other pools reuse buffers as they are, for example frozen. A block of another length gets a new buffer.
    for (;;) {
      const block = present(pool.alloc(LENGTH + 1));
      if (pool.offsetOf(block) === 0) break;
      passed.push(block);
    }
    pool.freeMany(passed);
    return present(pool.realloc(pool.at(0), LENGTH));
  }

  /** Makes this pool the default again, after calls that have made another one the default. */
  becomeDefault(): void {
    mempool.attach(this.pool.handle);
  }

  /** Frees the block at offset 0. Expects this pool to be the default, and only the block at offset 128 to be left. */
  endCase(): void {
    const { pool } = this;
    if (pool.stats().allocatedBlocks > 1) mempool.free(pool.at(0));
    const { allocatedBlocks, requestedBytes } = pool.stats();
    assertEquals({ allocatedBlocks, requestedBytes }, { allocatedBlocks: 1, requestedBytes: LENGTH });
    pool.check();
  }

  [Symbol.dispose](): void {
    destroyQuietly(this.pool);
  }
}

/** Calls `use` with another pool for fixtures, and expects that pool to be unchanged afterwards. */
export function withOtherPool(use: (other: MemPool) => void): void {
  using other = makePool();
  present(other.alloc(LENGTH));
  use(other);
  const { allocatedBlocks, frees, allocs } = other.stats();
  assertEquals({ allocatedBlocks, frees }, { allocatedBlocks: 1, frees: allocs - 1 });
  other.check();
}

export function withFixture(shape: PoolShape, use: (fixture: Fixture) => void): void {
  withOtherPool((other) => {
    using fixture = new Fixture(shape, other);
    use(fixture);
  });
}

/** The names of the values to try as this argument. */
export function valuesOf(call: Call, shape: PoolShape): readonly string[] {
  const { only } = call;
  const names = valuesFor(shape);
  if (only === undefined) return names;
  return names.filter((name) => only.includes(expectationOf(name, call.kind, shape.checked === true)));
}

/** Makes a call with one value, and expects the outcome of the table and an unchanged pool. */
export function tryValue(fixture: Fixture, call: Call, name: string): void {
  const expected = expectationOf(name, call.kind, fixture.shape.checked === true);
  try {
    compare(fixture, call, name, expected);
    fixture.endCase();
  } catch (error) {
    throw new Error(`${call.parameter} = ${name}: expected ${expected}, but: ${String(error)}`, { cause: error });
  }
}

function compare(fixture: Fixture, call: Call, name: string, expected: Expectation): void {
  const context = fixture.newContext();
  const value = valueOf(name, context);
  const before = lastingStats(context.pool);
  const observed = observe(() => call.call(context, value as never));
  if (expected === "ok") return call.verify(context, resultOf(observed) as never, value as never);
  const after = lastingStats(context.pool);
  if (expected === "none") {
    assert([null, -1].includes(resultOf(observed) as null), "the pool is not exhausted");
    return assertEquals(withoutCaches(after), withoutCaches(before));
  }
  assertEquals(after, before);
  if (call.answer === false && ["foreign", "moved", "double"].includes(expected)) {
    return assertStrictEquals(resultOf(observed), call.answer);
  }
  const messages = (): readonly string[] => call.messages(expected, value, shownAs(name, value));
  assertExpectedError(errorOf(observed), expected, messages, call.start);
}

/** The stats that do not change when a pool frees its cached blocks, which it does before it is exhausted. */
function withoutCaches(stats: LastingStats): Partial<LastingStats> {
  const { cachedBlocks: _1, freeBlocks: _2, coalesced: _3, ...rest } = stats;
  return rest;
}

const CODES: Partial<Record<Expectation | "closed", MemPoolErrorCode>> = {
  foreign: "foreign-block",
  moved: "foreign-block",
  double: "double-free",
  destroyed: "destroyed",
  closed: "closed",
  unknown: "unknown-pool",
  format: "format-mismatch",
};

/**
 * Expects the error that an expectation stands for, with one of the messages or a message with this start. `messages` is
 * called only when the library made the error: a value that throws cannot be shown.
 */
export function assertExpectedError(
  error: unknown,
  expected: Expectation | "closed",
  messages: () => readonly string[],
  start?: string,
): void {
  if (expected === "thrown") return assertStrictEquals(error, THROWN_BY_VALUE);
  // assertInstanceOf and assertStrictEquals may format their values first, which takes longer than the case itself.
  assert(error instanceof Error, "the call threw something that is not an Error");
  const code = CODES[expected];
  if (code === undefined) assert(error.constructor === (expected === "Range" ? RangeError : TypeError), String(error));
  else assert(error instanceof MemPoolError && error.name === "MemPoolError" && error.code === code, String(error));
  if (expected === "engine") return;
  const message = withoutStacks(error.message);
  const fits = messages().includes(message) || (start !== undefined && message.startsWith(start));
  if (!fits) throw new Error(`the message is "${message}", not "${messages().join('" or "')}"`);
  assert(message.length < 300, `the message has ${message.length} characters`);
}

/** The result of a call, or the error that it threw. */
export type Observed = { readonly result: unknown } | { readonly error: unknown };

export function observe(act: () => unknown): Observed {
  try {
    return { result: act() };
  } catch (error) {
    return { error };
  }
}

export function resultOf(observed: Observed): unknown {
  if ("error" in observed) throw observed.error;
  return observed.result;
}

export function errorOf(observed: Observed): unknown {
  if ("result" in observed) throw new Error(`it returned ${describe(observed.result)}`);
  return observed.error;
}
