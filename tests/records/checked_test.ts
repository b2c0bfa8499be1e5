/** Records of checked pools: every access to a stale reference is found, and leaks name their layout. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { MemPool, MemPoolError, record } from "mempool";
import { test } from "../support/harness.ts";
import { assertError, assertRefused, makePool, type PoolShape, thrownBy, warningsOf } from "../support/pool.ts";
import { loosely } from "./_access.ts";
import { GARBAGE, UNCONVERTIBLE } from "./_garbage.ts";

const Node = record({ next: "ref", cost: "f64", visits: "u32", tags: ["u8", 4] }, { name: "Node" });
const Leaf = record({ value: "f64" }, { name: "Leaf" });

function withChecked(use: (pool: MemPool) => void, shape: PoolShape = {}): () => void {
  return () => {
    const pool = makePool({ checked: true, blockSize: 32, ...shape });
    warningsOf(() => {
      use(pool);
      if (!pool.destroyed) pool.check();
      pool.destroy();
    });
  };
}

// In functions of their own, which the stacks name. A call must not be the last thing a function does: JavaScriptCore
// drops the frame of such a function.

function makeHere(pool: MemPool): number {
  const ref = pool.records(Node).calloc();
  assert(ref >= 0);
  return ref;
}

function freeHere(pool: MemPool, ref: number): void {
  const nodes = pool.records(Node);
  nodes.free(ref);
  assert(nodes.layout === Node);
}

function makeLeafHere(pool: MemPool): number {
  const ref = pool.records(Leaf).alloc();
  assert(ref >= 0);
  return ref;
}

function cursorAt(pool: MemPool, ref: number) {
  const cursor = pool.records(Node).cursor();
  cursor.ref = ref;
  return cursor;
}

/** Every way to access a record of `Node`, with the action that messages name. */
const ACCESSES: Readonly<Record<string, readonly [string, (pool: MemPool, ref: number) => void]>> = {
  "get": ["read field cost", (pool, ref) => void pool.records(Node).get.cost(ref)],
  "get of an element": ["read field tags", (pool, ref) => void pool.records(Node).get.tags(ref, 1)],
  "set": ["write field cost", (pool, ref) => pool.records(Node).set.cost(ref, 1)],
  "set of an element": ["write field tags", (pool, ref) => pool.records(Node).set.tags(ref, 1, 1)],
  "view": ["view field tags", (pool, ref) => void pool.records(Node).view.tags(ref)],
  "load": ["read field next", (pool, ref) => void pool.records(Node).atomics.next.load(ref)],
  "store": ["write field visits", (pool, ref) => pool.records(Node).atomics.visits.store(ref, 1)],
  "add": ["write field visits", (pool, ref) => void pool.records(Node).atomics.visits.add(ref, 1)],
  "exchange": ["write field next", (pool, ref) => void pool.records(Node).atomics.next.exchange(ref, 1)],
  "compareExchange": [
    "write field next",
    (pool, ref) => void pool.records(Node).atomics.next.compareExchange(ref, 1, 2),
  ],
  "cursor": ["read field next", (pool, ref) => void cursorAt(pool, ref).next],
  "cursor that writes": ["write field cost", (pool, ref) => void (cursorAt(pool, ref).cost = 1)],
};

/** The functions of the innermost frames of the stacks in a message, by the lines above them. */
function stacksOf(message: string): Record<string, string> {
  const lines = message.split("\n").slice(1);
  const found: Record<string, string> = {};
  lines.forEach((line, at) => {
    if (!line.startsWith("    at ")) found[line] = /at (\w+)/.exec(lines[at + 1] ?? "")?.[1] ?? "";
  });
  return found;
}

for (const [name, [action, access]] of Object.entries(ACCESSES)) {
  test(
    `checked records - ${name} of a freed record throws with both stacks`,
    withChecked((pool) => {
      const ref = makeHere(pool);
      access(pool, ref);
      freeHere(pool, ref);
      const error = thrownBy(() => access(pool, ref));
      assertInstanceOf(error, MemPoolError);
      assertEquals(error.code, "stale-reference");
      const [line] = error.message.split("\n");
      assertEquals(line, `Cannot ${action} of record ${ref} (Node): it is not allocated`);
      const { allocated, freed } = stacksOf(error.message);
      assertEquals([allocated, freed], ["", "freeHere"]);
      assertEquals(stacksOf(error.message)["as record Node"], "makeHere");
    }),
  );

  test(
    `checked records - ${name} of something that is no record throws`,
    withChecked((pool) => {
      makeHere(pool);
      const leaf = pool.records(Leaf).alloc();
      const run = pool.allocOffset(100) / 32;
      const stale = (ref: number, why: string): void => {
        assertRefused(() => access(pool, ref), "stale-reference", `Cannot ${action} of record ${ref} (Node): ${why}`);
      };
      stale(leaf, "8 bytes are allocated there, a record has 24");
      stale(run, "100 bytes are allocated there, a record has 24");
      stale(run + 1, "it is not allocated");
      stale(63, "it is not allocated");
      for (const ref of [64, -1, -7, 2 ** 31, 2 ** 53]) stale(ref, "the pool has no such block");
      for (const ref of [NaN, 0.5, -0.5, Infinity, 1e-300]) {
        assertError(() => access(pool, ref), RangeError, `Cannot ${action}: ref must be a whole number, got ${ref}`);
      }
      for (const [ref, shown] of [["0", '"0"'], [undefined, "undefined"], [null, "null"], [0n, "0n"]] as const) {
        const wrong = ref as unknown as number;
        assertError(() => access(pool, wrong), TypeError, `Cannot ${action}: ref must be a number, got ${shown}`);
      }
      access(pool, -0);
    }),
  );
}

test(
  "checked records - an index outside of the field throws",
  withChecked((pool) => {
    const nodes = loosely(pool, Node);
    const ref = nodes.calloc();
    for (const index of [-1, 4, 0.5, NaN, Infinity, 2 ** 31]) {
      const why = `index must be a whole number from 0 to 3, got ${index}`;
      assertError(() => nodes.get.tags!(ref, index), RangeError, `Cannot read field tags: ${why}`);
      assertError(() => nodes.set.tags!(ref, index, 1), RangeError, `Cannot write field tags: ${why}`);
    }
    for (const [index, shown] of [[undefined, "undefined"], ["1", '"1"'], [1n, "1n"]] as const) {
      const message = `Cannot read field tags: index must be a number, got ${shown}`;
      assertError(() => nodes.get.tags!(ref, index), TypeError, message);
    }
    nodes.set.tags!(ref, 3, 9);
    assertEquals(nodes.get.tags!(ref, 3), 9);
  }),
);

test(
  "checked records - nothing that is passed as a reference reaches a record",
  withChecked((pool) => {
    const nodes = loosely(pool, Node);
    const before = new Uint8Array(pool.buffer).slice();
    for (const ref of [...GARBAGE, ...UNCONVERTIBLE]) {
      for (const act of [() => nodes.get.cost!(ref), () => nodes.set.tags!(ref, 0, 1), () => nodes.view.tags!(ref)]) {
        const error = thrownBy(act);
        assert(error instanceof TypeError || error instanceof RangeError || error instanceof MemPoolError);
      }
    }
    assertEquals(new Uint8Array(pool.buffer).findIndex((byte, at) => byte !== before[at]), -1);
  }),
);

test(
  "checked records - a view is detached when its record is freed",
  withChecked((pool) => {
    const nodes = pool.records(Node);
    const ref = nodes.calloc();
    const [one, other] = [nodes.view.tags(ref), nodes.view.tags(ref)];
    one[2] = 5;
    assertEquals([other[2], nodes.get.tags(ref, 2), one.length], [5, 5, 4]);
    nodes.free(ref);
    assertEquals([one.length, other.length], [0, 0]);
  }),
);

test(
  "checked records - a record that was allocated again is accepted, and another allocation there is not",
  withChecked((pool) => {
    const nodes = pool.records(Node);
    const ref = nodes.alloc();
    nodes.free(ref);
    const again = nodes.calloc();
    assertEquals([again, nodes.get.cost(ref)], [ref, 0]);
    nodes.free(again);
    assertEquals(makeHere(pool), ref);
    freeHere(pool, ref);
    const leaf = makeLeafHere(pool);
    assertEquals(leaf, ref);
    const error = thrownBy(() => nodes.get.cost(ref)) as MemPoolError;
    assertEquals(error.code, "stale-reference");
    assertEquals(stacksOf(error.message), {
      "allocated": "",
      "as record Node": "makeHere",
      "freed": "freeHere",
      "allocated again": "",
      "as record Leaf": "makeLeafHere",
    });
  }),
);

test(
  "checked records - a layout of many fields leaves room for stacks, in reports and messages",
  withChecked((pool) => {
    const fields = Object.fromEntries(Array.from({ length: 600 }, (_, at) => [`field_${at}`, "u8"] as const));
    const nodes = pool.records(record(fields));
    const ref = nodes.alloc();
    const [leak] = pool.leaks();
    assertEquals(leak!.record, nodes.layout.name);
    assert(/^ {4}at /.test(leak!.stack), leak!.stack);
    nodes.free(ref);
    const { message } = thrownBy(() => nodes.get.field_0!(ref)) as MemPoolError;
    assertEquals(Object.keys(stacksOf(message)), ["allocated", `as record ${nodes.layout.name}`, "freed"]);
    assert(message.length < 9000, message);
  }),
);

test(
  "checked records - leaks name their layout",
  withChecked((pool) => {
    const plain = pool.allocOffset(24);
    const ref = makeHere(pool);
    const [leaf] = pool.records(Leaf).allocMany(1)!;
    const unnamed = pool.records(record({ value: "u8", more: ["i16", 2] })).calloc();
    const found = pool.leaks().map(({ offset, byteLength, record, stack }) => [offset / 32, byteLength, record, stack]);
    assertEquals(found.map((leak) => leak.slice(0, 3)), [
      [plain / 32, 24, undefined],
      [ref, 24, "Node"],
      [leaf, 8, "Leaf"],
      [unnamed, 6, "{ value, more }"],
    ]);
    for (const [, , , stack] of found) assert(/^ {4}at /.test(String(stack)), `${stack}`);
    assertEquals("record" in pool.leaks()[0]!, false);
  }),
);

test("checked records - the report at the end of a pool names the layout of each leak", () => {
  const pool = makePool({ checked: true, blockSize: 32 });
  for (let time = 0; time < 2; time++) makeHere(pool);
  pool.alloc(24);
  const [[report] = []] = warningsOf(() => pool.destroy());
  const lines = String(report).split("\n").filter((line) => !line.startsWith("    at "));
  assertEquals(lines.slice(1), ["2 blocks, 48 bytes, allocated", "as record Node", "1 block, 24 bytes, allocated"]);
});

test(
  "checked records - a double free has the stacks of the record",
  withChecked((pool) => {
    const ref = makeHere(pool);
    freeHere(pool, ref);
    const error = thrownBy(() => freeHere(pool, ref)) as MemPoolError;
    assertEquals(error.code, "double-free");
    assertEquals(stacksOf(error.message), {
      "allocated": "",
      "as record Node": "makeHere",
      "first freed": "freeHere",
      "freed again": "freeHere",
    });
  }),
);

test("checked records - accesses throw once the pool object is closed or the pool destroyed", () => {
  for (const end of ["close", "destroy"] as const) {
    const pool = makePool({ checked: true, blockSize: 32 });
    const nodes = pool.records(Node);
    const cursor = nodes.cursor(nodes.calloc());
    warningsOf(() => pool[end]());
    const [code, why] = end === "close"
      ? ["closed", "this pool object is closed"] as const
      : ["destroyed", "the pool is destroyed"] as const;
    assertRefused(() => nodes.get.cost(cursor.ref), code, `Cannot read field cost: ${why}`);
    assertRefused(() => cursor.cost = 1, code, `Cannot write field cost: ${why}`);
    assertRefused(() => nodes.view.tags(0), code, `Cannot view field tags: ${why}`);
  }
});
