import { assertEquals, assertThrows } from "@std/assert";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findViolations, readRooms } from "../../scripts/_layers.ts";
import { root, scratch } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";

const DESIGN = `# Design

| room | its one job | may import |
| --- | --- | --- |
| \`src/\` | the API | \`src/region/\`, \`src/runtime/\`, \`src/base/\` |
| \`src/region/\` | shared words | \`src/base/\` |
| \`src/runtime/\` | names a runtime | \`src/base/\` |
| \`src/base/\` | knows nothing | nothing |
| \`src/inspect/\` | draws | \`src/\` (types only), \`src/base/\` |
`;

/** Checks a project that consists of these files. */
function violationsOf(files: Record<string, string>): string[] {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, "layers-"));
  try {
    const all = { "mod.ts": "", "src/base/errors.ts": "", "docs/design.md": DESIGN, ...files };
    for (const [file, text] of Object.entries(all)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    return findViolations(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("layers - the table of rooms is read from the document", () => {
  const rooms = readRooms(DESIGN);
  assertEquals([...rooms.keys()], ["src/", "src/region/", "src/runtime/", "src/base/", "src/inspect/"]);
  assertEquals([...rooms.get("src/base/")!], []);
  assertEquals([...rooms.get("src/inspect/")!], [["src/", "types"], ["src/base/", "all"]]);
});

test("layers - a document without the table is refused", () => {
  assertThrows(() => readRooms("# Design\n\n| room | job |\n| --- | --- |\n"), Error, "has no table");
});

test("layers - this project keeps its rule", () => {
  assertEquals(findViolations(root), []);
});

test("layers - imports of listed rooms and of the own room are allowed", () => {
  const files = {
    "mod.ts": 'export { MemPool } from "./src/pool.ts";',
    "src/pool.ts": 'import { open } from "./attachment.ts";\nimport type { Table } from "./region/words.ts";',
    "src/region/words.ts": 'import { x } from "./runs.ts";',
    "src/region/runs.ts": 'import {\n  a,\n  b,\n} from "../base/errors.ts";',
    "src/runtime/open.ts":
      'import { MemPoolError } from "../base/errors.ts";\nexport const onDeno = "Deno" in globalThis && Deno;',
  };
  assertEquals(violationsOf({ ...files, "src/attachment.ts": "" }), []);
});

test("layers - an import of a room that is not listed is found", () => {
  const files = { "src/region/words.ts": 'import type { MemPool } from "../pool.ts";', "src/pool.ts": "" };
  assertEquals(violationsOf(files), ["src/region/words.ts: imports src/pool.ts, which src/region/ may not"]);
});

test("layers - a dynamic import counts as an import", () => {
  const files = { "src/region/runs.ts": 'await import("../runtime/deno.ts");', "src/runtime/deno.ts": "" };
  assertEquals(violationsOf(files), ["src/region/runs.ts: imports src/runtime/deno.ts, which src/region/ may not"]);
});

test("layers - where only types are allowed, an import of values is found", () => {
  const types = 'import type { A } from "../pool.ts";\nimport { b } from "../base/errors.ts";';
  assertEquals(violationsOf({ "src/inspect/map.ts": types, "src/pool.ts": "" }), []);
  const values = 'import type { A } from "../other.ts";\nimport { b } from "../pool.ts";';
  const found = violationsOf({ "src/inspect/map.ts": values, "src/pool.ts": "", "src/other.ts": "" });
  assertEquals(found, ["src/inspect/map.ts: imports src/pool.ts, which src/inspect/ may not"]);
});

test("layers - a cycle inside a room is found", () => {
  const files = { "src/region/runs.ts": 'import "./words.ts";', "src/region/words.ts": 'import "./runs.ts";' };
  const cycle = "src/region/runs.ts → src/region/words.ts → src/region/runs.ts";
  assertEquals(violationsOf(files), [`${cycle}: imports in a cycle`]);
});

test("layers - a runtime that is named outside src/runtime is found", () => {
  const files = {
    "src/base/lock.ts": "export const v = Deno.version;",
    "src/pool.ts": 'process.getBuiltinModule("bun:ffi");',
    "src/region/words.ts": "export const v = `${Bun.version}`;",
    "src/units.ts": 'process.getBuiltinModule("node:ffi"); import { once } from "node:events";',
  };
  assertEquals(violationsOf(files), [
    "src/base/lock.ts: names Deno, only src/runtime/ may",
    'src/pool.ts: names "bun:ffi", only src/runtime/ may',
    "src/region/words.ts: names Bun, only src/runtime/ may",
    'src/units.ts: names "node:ffi", only src/runtime/ may',
  ]);
});

test("layers - comments and messages may name a runtime", () => {
  const text = '/* Deno. */ // Bun.version "\nexport const m = "Deno. Bun. // Deno";\nexport const n = `on Bun. ${1}`;';
  assertEquals(violationsOf({ "src/base/lock.ts": text }), []);
});

test("layers - a file that is too long and a file in no room are found", () => {
  const comments = "// a comment does not count\n\n".repeat(400);
  const files = {
    "src/base/long.ts": `${comments}${"f();\n".repeat(301)}`,
    "src/base/short.ts": `${comments}${"f();\n".repeat(300)}`,
    "src/attic/surprise.ts": "",
  };
  assertEquals(violationsOf(files), [
    "src/attic/surprise.ts: is in no room of docs/design.md",
    "src/base/long.ts: 301 lines of code, the limit is 300",
  ]);
});
