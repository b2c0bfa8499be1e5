/** `MemPool.open` in one thread: names, sizes and options, closing and destroying. */

import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { MemPool, MemPoolError, type MemPoolOptions } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { nameFrom } from "../../src/options.ts";
import { CACHED_BLOCKS, SLOT_COUNT, STATE } from "../../src/region/layout.ts";
import { openNative } from "../../src/runtime/open.ts";
import { test } from "../support/harness.ts";
import {
  assertError,
  assertOneFreeRun,
  assertRefused,
  destroyQuietly,
  insideOf,
  present,
  thrownBy,
  warningsOf,
} from "../support/pool.ts";
import { destroyNamed, fillQuarantine, newName, open, usedEntries, withName } from "./_open.ts";

// ---- one name, one pool ----

test(
  "open - makes the pool, and then finds it",
  withName((name, options) => {
    using one = open(name, options);
    using two = open(name, options);
    assertEquals(two.handle, one.handle);
    assertEquals([two.size, two.blockSize, two.blockCount], [4096, 64, 64]);
    two.free(present(one.alloc(10)));
    assertOneFreeRun(one);
  }),
);

test(
  "open - all objects of a thread share its place in the pool",
  withName((name, options) => {
    const pools = Array.from({ length: 3 * SLOT_COUNT }, () => open(name, options));
    const attached = MemPool.attach(pools[0]!.handle);
    assertEquals(attached.stats().workers, 1);
    const block = present(pools[0]!.alloc(10));
    for (const pool of pools) assert(pool.owns(block));
    for (const pool of pools) pool.close();
    attached.free(block);
    attached.close();
  }),
);

test(
  "open - disposing of the object closes it, and the pool and its blocks live on",
  withName((name, options) => {
    let offset: number;
    {
      using pool = open(name, options);
      offset = pool.allocOffset(100);
    }
    using again = open(name, options);
    assertEquals([again.stats().allocatedBlocks, again.at(offset).byteLength], [2, 100]);
    again.freeOffset(offset);
    assertOneFreeRun(again);
  }),
);

test(
  "open - a closed object refuses every call, and the others of its thread work on",
  withName((name, options) => {
    const one = open(name, options);
    using two = open(name, options);
    const block = present(one.alloc(10));
    one.close();
    assertRefused(() => one.alloc(10), "closed", "Cannot allocate: this pool object is closed");
    two.free(block);
  }),
);

test(
  "open - after destroy the name is free, for other sizes too, and the old objects stay destroyed",
  withName((name, options) => {
    const first = open(name, options);
    const block = present(first.alloc(10));
    warningsOf(() => first.destroy());
    const second = MemPool.open(name, 65536, 1024, options);
    assertNotEquals(second.handle, first.handle);
    assertEquals([second.size, first.destroyed, second.destroyed], [65536, true, false]);
    assertRefused(() => first.free(block), "destroyed", "Cannot free: the pool is destroyed");
    assertRefused(
      () => MemPool.attach(first.handle),
      "destroyed",
      `Cannot attach to pool ${first.handle.id}: it is destroyed`,
    );
    second.destroy();
  }),
);

test("open - names and destroys 500 pools, of which none stays", () => {
  const names = Array.from({ length: 500 }, newName);
  const ids = names.map((name) => open(name).handle.id);
  assertEquals(new Set(ids).size, 500);
  for (const [place, name] of names.entries()) assertEquals(open(name).handle.id, ids[place]!);
  for (const name of names) destroyNamed(name);
  for (const [place, name] of names.entries()) {
    const pool = open(name);
    assert(!ids.includes(pool.handle.id), `${place}`);
    pool.destroy();
  }
});

test("open - a pool of init has no name", () => {
  const name = newName();
  using unnamed = MemPool.init(4096, 64);
  using named = open(name);
  assertNotEquals(named.handle, unnamed.handle);
  named.destroy();
});

test(
  "open - an object that is dropped in a checked pool is no leak, because the name leads to its blocks",
  withName((name, options) => {
    open(name, options).alloc(10);
    assertEquals(open(name, options).stats().allocatedBlocks, 1);
  }),
);

test(
  "open - an object that is closed rejects its waiting requests, and those of other objects wait on",
  withName(async (name, options) => {
    const one = open(name, options);
    using two = open(name, options);
    const whole = present(two.alloc(4096));
    const [refused, served] = [one.allocAsync(10), two.allocAsync(10)];
    one.close();
    await assertRejects(() => refused, MemPoolError, "Cannot allocate: this pool object is closed");
    two.free(whole);
    two.free(await served);
  }),
);

// ---- names ----

/** Names that an encoding, a normal form or a comparison could mistake for one another. */
const DIFFERENT = [
  "a",
  "A",
  "a ",
  " a",
  "a\0",
  "\0",
  "\0\0",
  "ab",
  "ba",
  "é",
  "e\u0301",
  "ﬁ",
  "fi",
  "ß",
  "ss",
  "I",
  "ı",
  "İ",
  "i",
  "\u{1F600}",
  "\uD83D",
  "\uDE00",
  "\uDE00\uD83D",
  "\uFFFD",
  "\uFFFD\uFFFD",
  "\uD83D\uD83D",
  "?",
  "??",
  "1",
  "01",
  "constructor",
  "__proto__",
  "undefined",
  "\n",
  "\r\n",
  "x".repeat(199),
  "x".repeat(200),
  "x".repeat(199) + "y",
  "\uD800".repeat(200),
  "\uDC00".repeat(200),
  "\uFFFF",
  "\uFEFF",
  "\uFEFFa",
];

test("open - any two different strings are different names", () => {
  const pools = DIFFERENT.map((name) => open(name));
  assertEquals(new Set(pools.map(({ handle }) => handle.id)).size, DIFFERENT.length);
  for (const [place, name] of DIFFERENT.entries()) {
    // Put together anew, so that the engine cannot compare by identity.
    assertEquals(open([...name].join("")).handle, pools[place]!.handle);
  }
  for (const pool of pools) pool.destroy();
});

test("open - a name has 1 to 200 UTF-16 units", () => {
  for (
    const [name, length] of [["", 0], ["x".repeat(201), 201], ["\u{1F600}".repeat(101), 202], [
      "x".repeat(1e6),
      1e6,
    ]] as const
  ) {
    const message = `Cannot open pool: name must have 1 to 200 UTF-16 units, got ${length}`;
    assertError(() => open(name), RangeError, message);
  }
  for (const name of ["x", "\u{1F600}".repeat(100)]) destroyNamed(name);
});

test("open - what is no string is no name, and is not asked for one", () => {
  const asked = {
    toString: () => {
      throw new Error("asked");
    },
  };
  for (
    const [value, shown] of [
      [undefined, "undefined"],
      [null, "null"],
      [1, "1"],
      [1n, "1n"],
      [Symbol("s"), "Symbol(s)"],
      [["a"], "an object (Array)"],
      [new String("a"), "an object (String)"],
      [asked, "an object (Object)"],
    ] as const
  ) {
    const message = `Cannot open pool: name must be a string, got ${shown}`;
    assertError(() => open(value as unknown as string), TypeError, message);
  }
});

test("open - checks sizes and options as init does, and makes nothing", () => {
  const name = newName();
  const wrong: [() => unknown, ErrorConstructor, string][] = [
    [() => MemPool.open(name, 0, 64), RangeError, "size must be a whole number from 1 up, got 0"],
    [
      () => MemPool.open(name, 4096, "64" as unknown as number),
      TypeError,
      'defaultBlockSize must be a number, got "64"',
    ],
    [
      () => MemPool.open(name, 64, 64),
      RangeError,
      "defaultBlockSize must be smaller than size, got 64 (rounded up) and 64",
    ],
    [() => open(name, { alignment: 3 }), RangeError, "alignment must be a power of two from 16 to 4096, got 3"],
    [() => open(name, { maxSize: 1 }), RangeError, "maxSize must be from size to 2^47, got 1 for a size of 4096"],
    [() => open(name, 5 as MemPoolOptions), TypeError, "options must be an object, got 5"],
    [() => open(name, { onMisuse: "x" as "warn" }), RangeError, 'onMisuse must be "throw" or "warn", got "x"'],
    [() => open(name, { checked: 1 as unknown as boolean }), TypeError, "checked must be true or false, got 1"],
    [() => open(name, { lockTimeout: -1 }), RangeError, "lockTimeout must be a whole number from 0 up, got -1"],
  ];
  for (const [act, type, why] of wrong) assertError(act, type, `Cannot open pool: ${why}`);
  const refused = thrownBy(() => MemPool.open(name, 2 ** 47, 2 ** 30));
  assert(refused instanceof MemPoolError && refused.code === "map-failed");
  assertMatch(refused.message, /^Cannot open pool: the system refused 140737488355328 bytes \(errno \d+\)$/);
  destroyNamed(name, { lockTimeout: 7 }); // no pool has the name yet
});

// ---- calls that fail ----

/** Lets every pool object fail while `act` runs, after the pool was made or joined. */
function refusingObjects(act: () => unknown): void {
  const { WeakRef } = globalThis;
  const refuse = function (): never {
    throw new Error("no object on purpose");
  };
  globalThis.WeakRef = refuse as unknown as typeof WeakRef;
  try {
    assertThrows(act, Error, "no object on purpose");
  } finally {
    globalThis.WeakRef = WeakRef;
  }
}

for (const checked of [false, true]) {
  const kind = checked ? "a checked pool" : "a pool";

  test(`open - init, open and attach that cannot make an object of ${kind} leave nothing`, () => {
    fillQuarantine(4096, { checked });
    const before = usedEntries();
    for (let time = 0; time < 20; time++) refusingObjects(() => MemPool.init(4096, 64, { checked }));
    const after = usedEntries();
    assert(after < before + 10, `${before} became ${after}`);

    const name = newName();
    refusingObjects(() => open(name, { checked }));
    assertEquals(openNative().find(nameFrom(name)), 0);

    const pool = open(name, { checked });
    const { handle } = pool;
    const offset = pool.allocOffset(64);
    refusingObjects(() => MemPool.attach(handle));
    pool.freeOffset(offset);
    pool.close();
    for (const join of [() => open(name, { checked }), () => MemPool.attach(handle)]) {
      refusingObjects(join);
      assertEquals(Attachment.known(handle.id), undefined);
    }
    using again = open(name, { checked });
    assertEquals([again.handle, again.stats().workers], [handle, 1]);
    again.destroy();
  });
}

// ---- sizes and options ----

const OTHERS: [string, (name: string) => MemPool][] = [
  ["a size", (name) => MemPool.open(name, 8192, 64)],
  ["a block size", (name) => MemPool.open(name, 4096, 128)],
  ["maxSize", (name) => open(name, { maxSize: 8192 })],
  ["checked", (name) => open(name, { checked: true })],
  ["onMisuse", (name) => open(name, { onMisuse: "warn" })],
  ["alignment", (name) => open(name, { alignment: 64 })],
  ["cachedBlocks", (name) => open(name, { cachedBlocks: 0 })],
  ["cachedBuffers", (name) => open(name, { cachedBuffers: 5 })],
  ["lockTimeout", (name) => open(name, { lockTimeout: 5 })],
];

for (const [what, openOther] of OTHERS) {
  test(`open - ${what} that differs makes a new pool, if no other thread is attached`, () => {
    const name = newName();
    const old = open(name);
    const block = present(old.alloc(10));
    const other = openOther(name);
    assertNotEquals(other.handle, old.handle);
    assertEquals([old.destroyed, other.stats().allocatedBlocks], [true, 0]);
    assertRefused(() => old.free(block), "destroyed", "Cannot free: the pool is destroyed");
    assertEquals(openOther(name).handle, other.handle);
    const back = open(name);
    assertNotEquals(back.handle, other.handle);
    assertEquals(other.destroyed, true);
    back.destroy();
  });
}

test("open - options that are given with their defaults do not differ, nor do sizes that are rounded alike", () => {
  const name = newName();
  using pool = MemPool.open(name, 4100, 50);
  const defaults = {
    maxSize: 4100,
    checked: false,
    onMisuse: "throw",
    alignment: 16,
    cachedBlocks: insideOf(pool).region.header[CACHED_BLOCKS]!,
    cachedBuffers: 2 ** 17,
    lockTimeout: 5000,
  } as const;
  for (
    const same of [
      MemPool.open(name, 4100, 50, {}),
      MemPool.open(name, 4100, 50, defaults),
      MemPool.open(name, 4100, 50, { maxSize: undefined } as unknown as MemPoolOptions),
      MemPool.open(name, pool.size, pool.blockSize),
    ]
  ) {
    assertEquals(same.handle, pool.handle);
    same.close();
  }
  pool.destroy();
});

/** Options that have the same effect on pools of these sizes, although their values differ. */
const ALIKE: [why: string, size: number, one: MemPoolOptions, other: MemPoolOptions][] = [
  ["a power of two", 4096, { cachedBuffers: 8 }, { cachedBuffers: 15 }],
  ["the default, in a pool of few blocks", 4096, {}, { cachedBuffers: 64 }],
  ["all that its blocks need", 6400, { cachedBuffers: 128 }, { cachedBuffers: 2 ** 31 - 1 }],
  ["as many as blocks", 4096, { cachedBlocks: 64 }, { cachedBlocks: 65 }],
  ["65,536", 64 * 66_000, { cachedBlocks: 65_536 }, { cachedBlocks: 65_999 }],
  ["none in a checked pool", 4096, { checked: true, cachedBlocks: 0 }, { checked: true, cachedBlocks: 9 }],
];

for (const [why, size, one, other] of ALIKE) {
  const [shown, same] = [one, other].map((options) => JSON.stringify(options));
  test(`open - ${shown} and ${same} do not differ, both mean ${why}`, () => {
    const name = newName();
    using pool = MemPool.open(name, size, 64, one);
    using again = MemPool.open(name, size, 64, other);
    assertEquals(again.handle, pool.handle);
    pool.destroy();
  });
}

for (const [one, other] of [[0, 1], [7, 8], [63, 64]] as const) {
  test(`open - a cachedBuffers of ${one} and of ${other} differ`, () => {
    const name = newName();
    const pool = open(name, { cachedBuffers: one });
    const again = open(name, { cachedBuffers: other });
    assertEquals([pool.destroyed, again.destroyed], [true, false]);
    again.destroy();
  });
}

test(
  "open - a pool that has grown has the size that it was made with",
  withName((name, { checked = false }) => {
    const options = { checked, maxSize: 65536 };
    using pool = open(name, options);
    present(pool.alloc(8192));
    assert(pool.size > 4096);
    using same = open(name, options);
    assertEquals([same.handle, same.size], [pool.handle, pool.size]);
    destroyQuietly(same);
  }),
);

test("open - a pool that is replaced rejects the requests that wait", async () => {
  const name = newName();
  const pool = open(name);
  pool.alloc(4096);
  const waiting = pool.allocAsync(10);
  const other = open(name, { lockTimeout: 5 });
  await assertRejects(() => waiting, MemPoolError, "Cannot allocate: the pool is destroyed");
  other.destroy();
});

// ---- damage and deaths ----

test("open - a pool whose destroyer died before it freed the name does not keep the name", () => {
  const name = newName();
  const pool = open(name);
  const { header } = insideOf(pool).region;
  Atomics.store(header, STATE, 2); // DESTROYED, as the first step of destroy stores it
  const other = open(name);
  assertNotEquals(other.handle, pool.handle);
  assertEquals(pool.destroyed, true);
  other.destroy();
});

test("open - reports a damaged header, and the pool can still be destroyed", () => {
  const name = newName();
  const pool = open(name);
  const { header } = insideOf(pool).region;
  const state = header[STATE]!;
  header[STATE] = 77;
  assertRefused(() => open(name), "corrupt", "Cannot open: the pool's state is 77");
  header[STATE] = state;
  pool.destroy();
});
