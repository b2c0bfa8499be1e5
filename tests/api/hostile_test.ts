/** Hostile arguments: every value in every place, on a new pool and after many good calls. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { MemPool, type MemPoolHandle } from "mempool";
import { type Call, LENGTH, MAKERS, USERS } from "./_hostile_calls.ts";
import { TRICKS } from "./_hostile_iterables.ts";
import {
  assertVerdict,
  besideOther,
  errorOf,
  onStage,
  outcomeOf,
  resultOf,
  Stage,
  tryValue,
  valueOf,
  VALUES,
  valuesFor,
} from "./_hostile_run.ts";
import { ROWS } from "./_hostile_table.ts";
import { NUMBERS } from "./_hostile_values.ts";
import { effort, soaking } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { destroyQuietly, lastingStats, makePool, type PoolShape, present, thrownBy } from "../support/pool.ts";

/** With the worker caches that a pool of this size has, and without; and checked, which has none. */
const SHAPES: Readonly<Record<string, PoolShape>> = {
  "blocks cached": {},
  "no blocks cached": { cachedBlocks: 0 },
  "checked": { checked: true },
};

/** Calls after which both engines have compiled a function for the arguments that it was given. */
const WARM_UP = 100_000;

/** A checked call takes tens of microseconds. */
const CHECKED_WARM_UP = effort(300, 20_000);

const all = (): boolean => true;

for (const [name, calls] of Object.entries(MAKERS)) {
  test(`hostile - ${name}, first call`, () => onStage({}, (stage) => tryAll(stage, calls, all)));
  // Each of these makes a pool: fewer of them compile what checks the arguments.
  const rounds = name.endsWith("init") ? WARM_UP / 100 : WARM_UP;
  test(`hostile - ${name}, after many good calls`, () => onStage({}, (stage) => warmUpAndTry(stage, calls, rounds)));
}

for (const [shapeName, shape] of Object.entries(SHAPES)) {
  if (shape.checked && !soaking) continue;
  for (const [name, calls] of Object.entries(USERS)) {
    test(`hostile - ${name}, ${shapeName}, first call of a new pool`, () =>
      besideOther((other) => {
        for (const call of calls) {
          for (const value of valuesFor(shape)) {
            using stage = new Stage(shape, other);
            tryValue(stage, call, value);
          }
        }
      }));
    const rounds = shape.checked ? CHECKED_WARM_UP : WARM_UP;
    test(`hostile - ${name}, ${shapeName}, after many good calls`, () =>
      onStage(shape, (stage) => warmUpAndTry(stage, calls, rounds)));
  }
}

// Where that takes too long: each value in each place once, half of them before good calls, the others after.
for (const [name, calls] of soaking ? [] : Object.entries(USERS)) {
  test(`hostile - ${name}, checked, before and after some good calls`, () =>
    onStage(SHAPES["checked"]!, (stage) => {
      tryAll(stage, calls, (place) => place % 2 === 0);
      warmUpAndTry(stage, calls, CHECKED_WARM_UP, (place) => place % 2 === 1);
    }));
}

/** Which of the values, by their places in the list. */
type Choice = (place: number) => boolean;

function tryAll(stage: Stage, calls: readonly Call[], choice: Choice): void {
  const values = valuesFor(stage.shape).filter((_, place) => choice(place));
  for (const call of calls) {
    for (const value of values) tryValue(stage, call, value);
  }
}

function warmUpAndTry(stage: Stage, calls: readonly Call[], rounds: number, choice: Choice = all): void {
  for (const call of calls) {
    const scene = stage.scene();
    for (let round = 0; round < rounds / calls.length; round++) call.warm(scene);
    stage.becomeDefault();
    stage.strike();
  }
  tryAll(stage, calls, choice);
}

for (const [shapeName, shape] of Object.entries(SHAPES)) {
  for (const { name, checked, trick, ...unchecked } of TRICKS) {
    const { verdict, left } = shape.checked ? { ...unchecked, ...checked } : unchecked;
    test(`hostile - freeMany of an iterable that ${name}, ${shapeName}`, () => {
      const pool = MemPool.init(65536, 64, shape);
      const { handle } = pool;
      const [a, b, run] = [40, 40, 192].map((bytes) => present(pool.alloc(bytes))) as [
        ArrayBuffer,
        ArrayBuffer,
        ArrayBuffer,
      ];
      const outcome = outcomeOf(() => pool.freeMany(trick({ pool, a, b, run })));
      if (verdict === "ok") assertEquals(resultOf(outcome), undefined);
      else assertVerdict(errorOf(outcome), verdict, { says: ["Cannot free: block must be "], refuses: "Cannot free" });
      if (verdict === "destroyed") return;
      const again = MemPool.attach(handle);
      const { allocs, frees } = again.stats();
      assertEquals(allocs - frees, left);
      again.check();
      destroyQuietly(again);
    });
  }
}

for (const field of ["format", "process", "id"] as const) {
  test(`hostile - a handle whose ${field} is anything else`, () =>
    onStage({}, (stage) => {
      const { pool } = stage;
      const others = VALUES.filter((name) =>
        !(field === "id" && mayHaveBeen(NUMBERS[name])) && NUMBERS[name] !== pool.handle[field]
      );
      const forge = (name: string): void => {
        const value = valueOf(name, stage.scene());
        const before = lastingStats(pool);
        const outcome = outcomeOf(() => MemPool.attach({ ...pool.handle, [field]: value } as MemPoolHandle));
        const verdict = typeof value !== "number" ? "Type" : field === "format" ? "format" : "unknown";
        assertVerdict(errorOf(outcome), verdict, { says: ["Cannot attach: handle "], refuses: "Cannot attach to " });
        assertEquals(lastingStats(pool), before);
        stage.strike();
      };
      others.forEach(forge);
      for (let round = 0; round < WARM_UP; round++) MemPool.attach(pool.handle).close();
      others.forEach(forge);
    }));
}

/** Ids count up by more than this, so these can be a pool's that this process once had. */
function mayHaveBeen(id: unknown): boolean {
  return Number.isInteger(id) && Number(id) >= 2 ** 14 && Number(id) < 2 ** 40;
}

test("hostile - nobody can change a handle", () => {
  using pool = makePool();
  const before = { ...pool.handle };
  for (const field of ["format", "process", "id", "more"]) {
    assertInstanceOf(thrownBy(() => Object.assign(pool.handle, { [field]: 1 })), TypeError);
  }
  assertEquals({ ...pool.handle }, before);
  using attached = MemPool.attach(pool.handle);
  assertEquals(attached.handle, before);
});

test("hostile - options and fields of a handle are read once: what was checked is what is used", () => {
  using pool = makePool();
  const names: PropertyKey[] = [];
  const watched = <T extends object>(target: T): T =>
    new Proxy(target, { get: (_, name) => (names.push(name), Reflect.get(target, name) as unknown) });
  MemPool.init(65536, 64, watched({})).destroy();
  MemPool.attach(watched({ ...pool.handle })).close();
  assertEquals(names.toSorted(), [...new Set(names)].toSorted());
  assertEquals(names.length, 10);
});

/** Blocks that would run code of their own where a property of theirs is read, or their prototype. */
const TRAPS: Readonly<Record<string, (block: ArrayBuffer, spring: () => never) => object>> = {
  "a view's buffer": (block, get) => Object.defineProperty(new Uint8Array(block), "buffer", { get }),
  "a DataView's buffer": (block, get) => Object.defineProperty(new DataView(block), "buffer", { get }),
  "a view's name": (block, get) => Object.defineProperty(new Uint8Array(block), Symbol.toStringTag, { get }),
  "a buffer's length": (block, get) => Object.defineProperty(block.transfer(), "byteLength", { get }),
  "a buffer's constructor": (block, get) => Object.defineProperty(block.transfer(), "constructor", { get }),
  "its prototype": (block, get) =>
    Object.setPrototypeOf(block.transfer(), new Proxy({}, { get, getPrototypeOf: get })) as object,
};

for (const [name, make] of Object.entries(TRAPS)) {
  test(`hostile - ${name} is not asked for`, () => {
    using pool = makePool();
    const block = make(present(pool.alloc(LENGTH)), () => {
      throw new Error(`The pool has asked for ${name}`);
    }) as ArrayBuffer;
    assertEquals([pool.owns(block), pool.offsetOf(block)], [true, 0]);
    const longer = present(pool.realloc(block, 50));
    assertEquals(new Uint8Array(longer).length, 50);
    pool.freeMany([block]);
    assertEquals(pool.stats().allocatedBlocks, 0);
    pool.check();
  });
}

test("hostile - a block cannot end its pool in the middle of free, and so reach another pool in its place", () => {
  const pool = MemPool.init(65536, 64);
  const others: MemPool[] = [];
  const view = new Uint8Array(present(pool.alloc(LENGTH)));
  Object.defineProperty(view, "buffer", {
    get() {
      pool.destroy();
      // A range of addresses is used again once others have rested longer.
      for (let round = 0; round < 20; round++) MemPool.init(65536, 64).destroy();
      for (let round = 0; round < 20; round++) others.push(MemPool.init(65536, 64));
      for (const other of others) other.alloc(LENGTH);
      return new ArrayBuffer(0);
    },
  });
  pool.free(view);
  assertEquals(others.length, 0);
  assertEquals(pool.stats().allocatedBlocks, 0);
  pool.destroy();
});

test("hostile - every value has its row, and every row its value", () => {
  assertEquals([...ROWS].sort(), [...VALUES].sort());
});

test("hostile - so many cases of one value in one place", () => {
  const places = [...Object.values(MAKERS), ...Object.values(USERS)].flat().length;
  assert(VALUES.length >= 60 && places * VALUES.length >= 1000, `${places} places, ${VALUES.length} values`);
});
