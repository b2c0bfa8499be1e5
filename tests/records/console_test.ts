/** What console.log shows of records. */

import { assertEquals } from "@std/assert";
import { inspect } from "node:util";
import { MemPool, record } from "mempool";
import { test } from "../support/harness.ts";
import { destroyQuietly, makePool } from "../support/pool.ts";

const Node = record({ next: "ref", cost: "f64", tags: ["u8", 16], one: ["i16", 1] }, { name: "Node" });
const Other = record({ bytes: ["u8", 40] });
const FIELDS = "fields: { next: ref, cost: f64, tags: u8[16], one: i16 }";

const shown: (value: unknown) => string = "Deno" in globalThis
  ? (value) => Deno.inspect(value, { colors: false, breakLength: 1000 })
  : (value) => inspect(value, { breakLength: 1000 });

test("console - shows name, bytes, live records and fields", () => {
  const pool = makePool({ blockSize: 64 });
  const nodes = pool.records(Node);
  assertEquals(shown(nodes), `Records Node { bytes: 32, live: 0, ${FIELDS} }`);
  const refs = nodes.allocMany(5)!;
  nodes.free(refs[0]!);
  pool.records(Other).alloc();
  assertEquals(shown(nodes), `Records Node { bytes: 32, live: 4, ${FIELDS} }`);
  assertEquals(shown(pool.records(Other)), "Records { bytes } { bytes: 40, live: 1, fields: { bytes: u8[40] } }");
  assertEquals(shown({ nodes }).includes("Records Node {"), true);
  pool.close();
  assertEquals(shown(nodes), `Records Node { bytes: 32, closed, ${FIELDS} }`);
});

test("console - in a checked pool counts the records of this layout alone", () => {
  for (const checked of [false, true]) {
    const pool = makePool({ blockSize: 64, checked });
    const nodes = pool.records(Node);
    nodes.alloc();
    pool.alloc(Node.byteLength);
    pool.records(record({ same: ["f64", 4] })).alloc();
    assertEquals(shown(nodes), `Records Node { bytes: 32, live: ${checked ? 1 : 3}, ${FIELDS} }`);
    destroyQuietly(pool);
  }
});

test("console - shows records whose pool another object destroyed", () => {
  const pool = makePool();
  const joined = MemPool.attach(pool.handle);
  const nodes = joined.records(Node);
  pool.destroy();
  assertEquals(shown(nodes), `Records Node { bytes: 32, closed, ${FIELDS} }`);
});
