import { assertEquals } from "@std/assert";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findViolations } from "../scripts/_layers.ts";
import { root, scratch } from "../scripts/_project.ts";
import { test } from "./_harness.ts";

/** Checks a project that consists of these files. */
function violationsOf(files: Record<string, string>): string[] {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, "layers-"));
  try {
    for (const [file, text] of Object.entries({ "mod.ts": "", "src/errors.ts": "", ...files })) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    return findViolations(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("layers - hold in this project", () => {
  assertEquals(findViolations(root), []);
});

test("layers - imports that go down are fine", () => {
  const files = {
    "mod.ts": 'export { MemPool } from "./src/pool.ts";',
    "src/pool.ts": 'import { open } from "./attachment.ts";\nimport type { Table } from "./table.ts";',
    "src/table.ts": 'import { x } from "./runs.ts";',
    "src/runs.ts": 'import {\n  a,\n  b,\n} from "./errors.ts";',
    "src/ffi/open.ts":
      'import { MemPoolError } from "../errors.ts";\nexport const onDeno = "Deno" in globalThis && Deno;',
  };
  assertEquals(violationsOf(files), []);
});

test("layers - an import that goes up is found", () => {
  const files = { "src/table.ts": 'import type { MemPool } from "./pool.ts";', "src/pool.ts": "" };
  assertEquals(violationsOf(files), ["src/table.ts: imports src/pool.ts, which is not below it"]);
});

test("layers - an import that passes over the opener is found", () => {
  const files = { "src/pool.ts": 'await import("./ffi/deno.ts");', "src/ffi/deno.ts": "" };
  assertEquals(violationsOf(files), ["src/pool.ts: imports src/ffi/deno.ts, which is not below it"]);
});

test("layers - a circle among neighbours is found", () => {
  const files = { "src/runs.ts": 'import "./table.ts";', "src/table.ts": 'import "./runs.ts";' };
  assertEquals(violationsOf(files), ["src/runs.ts → src/table.ts → src/runs.ts: imports in a circle"]);
});

test("layers - a runtime named above src/ffi is found", () => {
  const files = {
    "src/lock.ts": "export const v = Deno.version;",
    "src/stats.ts": 'process.getBuiltinModule("bun:ffi");',
    "src/table.ts": "export const v = `${Bun.version}`;",
  };
  assertEquals(violationsOf(files), [
    "src/lock.ts: names Deno, only src/ffi/ may",
    'src/stats.ts: names "bun:ffi", only src/ffi/ may',
    "src/table.ts: names Bun, only src/ffi/ may",
  ]);
});

test("layers - comments and messages may name a runtime", () => {
  const text = '/* Deno. */ // Bun.version "\nexport const m = "Deno. Bun. // Deno";\nexport const n = `on Bun. ${1}`;';
  assertEquals(violationsOf({ "src/lock.ts": text }), []);
});

test("layers - a file too long and a file without a layer are found", () => {
  const files = { "src/lock.ts": "\n".repeat(400) + "x", "src/surprise.ts": "" };
  assertEquals(violationsOf(files), [
    "src/lock.ts: 401 lines, 400 are the limit",
    "src/surprise.ts: has no layer, give it one in scripts/_layers.ts",
  ]);
});
