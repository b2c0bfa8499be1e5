/** Tries one value in one place, on a pool that is new to everything or one that has long been used. */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import * as mempool from "mempool";
import { type MemPool, MemPoolError, type MemPoolErrorCode } from "mempool";
import { describe } from "../../src/base/arguments.ts";
import { type Call, LENGTH } from "./_hostile_calls.ts";
import { type Verdict, verdictOn } from "./_hostile_table.ts";
import { FOREIGN, NUMBERS, OBJECTS, ON_PURPOSE, POOLS, PRIMITIVES, type Scene } from "./_hostile_values.ts";
import { destroyQuietly, type LastingStats, lastingStats, makePool, type PoolShape, present } from "../support/pool.ts";

const MAKERS: Readonly<Record<string, (scene: Scene) => unknown>> = { ...OBJECTS, ...FOREIGN, ...POOLS };

/** Names of all values. */
export const VALUES: readonly string[] = [NUMBERS, PRIMITIVES, MAKERS].flatMap(Object.keys);

/** Names of those that there are beside such a pool: what is freed in a checked one is detached, and cannot be moved. */
export function valuesFor({ checked = false }: PoolShape): readonly string[] {
  return checked ? VALUES.filter((name) => name !== "freed, then moved") : VALUES;
}

export function valueOf(name: string, scene: Scene): unknown {
  if (name in NUMBERS) return NUMBERS[name];
  return name in PRIMITIVES ? PRIMITIVES[name] : MAKERS[name]!(scene);
}

/** A pool of 1024 blocks, the default of this thread, with a block at offset 128 and a hole before it. */
export class Stage implements Disposable {
  readonly pool: MemPool;
  readonly shape: PoolShape;
  readonly #other: MemPool;

  /** `other` is the pool beside it, with a block at offset 0. */
  constructor(shape: PoolShape, other: MemPool) {
    this.#other = other;
    this.shape = shape;
    this.pool = mempool.init(65536, 64, shape);
    const offsets = [1, 2, 3].map(() => this.pool.allocOffset(LENGTH));
    assertEquals(offsets, [0, 64, 128]);
    this.pool.freeOffset(64);
    this.pool.freeOffset(0);
  }

  /** With a block at offset 0 that nobody has tampered with. */
  scene(): Scene {
    const { pool } = this;
    const passed: ArrayBuffer[] = [];
    // A freed buffer comes again as it is, say frozen; a block of another length gets a new one.
    for (;;) {
      const block = present(pool.alloc(LENGTH + 1));
      if (pool.offsetOf(block) === 0) break;
      passed.push(block);
    }
    pool.freeMany(passed);
    const other = this.#other;
    return { pool, block: present(pool.realloc(pool.at(0), LENGTH)), other, otherBlock: other.at(0) };
  }

  /** For calls that have made another pool the default. */
  becomeDefault(): void {
    mempool.attach(this.pool.handle);
  }

  /** Expects the default pool to be this one still, and nothing left but the block at offset 128. */
  strike(): void {
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

/** Lets `use` have a pool to set stages beside, and expects nothing to have happened to it. */
export function besideOther(use: (other: MemPool) => void): void {
  using other = makePool();
  present(other.alloc(LENGTH));
  use(other);
  const { allocatedBlocks, frees, allocs } = other.stats();
  assertEquals({ allocatedBlocks, frees }, { allocatedBlocks: 1, frees: allocs - 1 });
  other.check();
}

export function onStage(shape: PoolShape, use: (stage: Stage) => void): void {
  besideOther((other) => {
    using stage = new Stage(shape, other);
    use(stage);
  });
}

/** Expects of a call what the table says, and the pool to be as before. */
export function tryValue(stage: Stage, call: Call, name: string): void {
  const verdict = verdictOn(name, call.kind, stage.shape.checked === true);
  try {
    judge(stage, call, name, verdict);
    stage.strike();
  } catch (error) {
    throw new Error(`${call.parameter} = ${name} is to be ${verdict}, but: ${String(error)}`, { cause: error });
  }
}

function judge(stage: Stage, call: Call, name: string, verdict: Verdict): void {
  const scene = stage.scene();
  const value = valueOf(name, scene);
  const before = lastingStats(scene.pool);
  const outcome = outcomeOf(() => call.call(scene, value as never));
  if (verdict === "ok") return call.settle(scene, resultOf(outcome) as never, value as never);
  const after = lastingStats(scene.pool);
  if (verdict === "none") {
    assert([null, -1].includes(resultOf(outcome) as null), "the pool is not exhausted");
    return assertEquals(withoutCaches(after), withoutCaches(before));
  }
  assertEquals(after, before);
  if (call.answer === false && (verdict === "foreign" || verdict === "double")) {
    return assertStrictEquals(resultOf(outcome), call.answer);
  }
  assertVerdict(errorOf(outcome), verdict, call);
}

/** Before a pool is exhausted, what is cached becomes free. */
function withoutCaches(stats: LastingStats): Partial<LastingStats> {
  const { cachedBlocks: _1, freeBlocks: _2, coalesced: _3, ...rest } = stats;
  return rest;
}

const CODES: Partial<Record<Verdict | "closed", MemPoolErrorCode>> = {
  foreign: "foreign-block",
  double: "double-free",
  destroyed: "destroyed",
  closed: "closed",
  unknown: "unknown-pool",
  format: "format-mismatch",
};

/** Expects the error that a verdict stands for. */
export function assertVerdict(
  error: unknown,
  verdict: Verdict | "closed",
  { says, refuses }: Pick<Call, "says" | "refuses">,
): void {
  if (verdict === "thrown") return assertStrictEquals(error, ON_PURPOSE);
  assertInstanceOf(error, Error);
  const code = CODES[verdict];
  if (code !== undefined) {
    assertEquals([error.name, (error as MemPoolError).code, error instanceof MemPoolError], [
      "MemPoolError",
      code,
      true,
    ], error.message);
    return assert(error.message.startsWith(refuses), error.message);
  }
  assertStrictEquals(error.constructor, verdict === "Range" ? RangeError : TypeError, error.message);
  assert(verdict === "engine" || says.some((start) => error.message.startsWith(start)), error.message);
  assert(error.message.length < 300, `The message has ${error.message.length} characters`);
}

export type Outcome = { readonly result: unknown } | { readonly error: unknown };

export function outcomeOf(act: () => unknown): Outcome {
  try {
    return { result: act() };
  } catch (error) {
    return { error };
  }
}

export function resultOf(outcome: Outcome): unknown {
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}

export function errorOf(outcome: Outcome): unknown {
  if ("result" in outcome) throw new Error(`It returned ${describe(outcome.result)}`);
  return outcome.error;
}
