/** What docs/recipes.md says about libraries beyond what its examples print. docs_test.ts runs the examples. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { makeTable, tableFromIPC, tableToIPC } from "apache-arrow";
import { MEGABYTE, MemPool } from "mempool";
import { pack, Packr, Unpackr } from "msgpackr";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import protobuf from "protobufjs";
import { packages, root } from "../../scripts/_project.ts";
import { bunTest, test } from "../support/harness.ts";
import { execute, inScratch } from "../support/package.ts";
import { present } from "../support/pool.ts";

const recipes = readFileSync(join(root, "docs", "recipes.md"), "utf8");

/** Copies bytes into a block. */
function blockWith(pool: MemPool, bytes: Uint8Array): ArrayBuffer {
  const block = present(pool.alloc(bytes.length));
  new Uint8Array(block).set(bytes);
  return block;
}

test("recipes - every example has at most 25 lines", () => {
  const long = [...recipes.matchAll(/^```ts.*\n([^]*?)^```/gm)].filter(([, code]) => code!.split("\n").length > 26);
  assertEquals(long.map(([, code]) => code), []);
});

test("recipes - every library that an example imports is a package of this project", () => {
  const imported = new Set([...recipes.matchAll(/^import .* from "([a-z-]+)";/gm)].map(([, name]) => name!));
  assertEquals([...imported].filter((name) => !(name in packages)), []);
  assertEquals([...imported].sort(), ["apache-arrow", "bitecs", "flatbuffers", "gl-matrix", "msgpackr", "protobufjs"]);
});

test("recipes - protobufjs asks for 0 bytes for a message without fields", () => {
  const { root: types } = protobuf.parse('syntax = "proto3"; message Empty { string text = 1; }');
  const asked: number[] = [];
  const { alloc } = protobuf.BufferWriter;
  protobuf.BufferWriter.alloc = (size) => {
    asked.push(size);
    return alloc(size);
  };
  try {
    assertEquals(types.lookupType("Empty").encode({}).finish().length, 0);
  } finally {
    protobuf.BufferWriter.alloc = alloc;
  }
  assertEquals(asked.at(-1), 0);
});

test("recipes - msgpackr copies binary fields with copyBuffers", () => {
  using pool = MemPool.init(MEGABYTE, 256);
  const block = blockWith(pool, pack({ key: Uint8Array.of(1, 2, 3) }));
  const { key } = new Unpackr({ copyBuffers: true, useRecords: false }).unpack(new Uint8Array(block));
  new Uint8Array(block).fill(255);
  pool.free(block);
  assertEquals([...key], [1, 2, 3]);
});

test("recipes - msgpackr packs later values of every Packr into the block that useBuffer got", () => {
  using pool = MemPool.init(MEGABYTE, 8192);
  const block = present(pool.alloc(8192));
  new Packr().useBuffer(new Uint8Array(block));
  try {
    assertEquals(new Packr().pack({ a: 1 }).buffer, block);
  } finally {
    new Packr().useBuffer(new Uint8Array(8192));
  }
  pool.free(block);
});

test("recipes - Apache Arrow reads an uncompressed table in place", () => {
  using pool = MemPool.init(MEGABYTE, 256);
  const price = Float64Array.of(1, 2, 3);
  const block = blockWith(pool, tableToIPC(makeTable({ price })));
  const column = tableFromIPC(new Uint8Array(block)).getChild("price")!;
  assertEquals([...column], [1, 2, 3]);
  assert(column.data[0]!.values.buffer === block);
  pool.free(block);
});

bunTest("recipes - on Bun without its JIT, the error says what is missing", () =>
  inScratch(async (folder) => {
    const program = `import { MemPool } from ${JSON.stringify(join(root, "mod.ts"))}; MemPool.init(4096, 64);`;
    const run = (): Promise<unknown> => execute(process.execPath, ["-e", program], folder, { BUN_JSC_useJIT: "0" });
    const error = await assertRejects(run, Error);
    assertMatch(error.message, /bun:ffi requires the JIT/);
    assertMatch(error.message, /code: "library"/);
  }));
