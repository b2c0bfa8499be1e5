/**
 * Runs the tests that have a long form, in that form: they take numbers from tests/support/effort.ts. Takes up to an hour.
 *
 *     deno task soak [--filter <part of a name>] [files]
 *     bun run soak [--filter <part of a name>] [files]
 *
 * Prints what they measured; the last line says `N passed, N failed`.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { EFFORT } from "../tests/support/effort.ts";
import { filesIn, onDeno, root, run } from "./_project.ts";

const { values, positionals } = parseArgs({ options: { filter: { type: "string" } }, allowPositionals: true });
const permissions = ["--allow-read", "--allow-write", "--allow-run", "--allow-env"];
const filter = values.filter === undefined ? [] : ["--filter", values.filter];
const files = positionals.length > 0 ? positionals : withLongForm();

process.env[EFFORT] = "soak";
const script = join(root, "scripts", "test.ts");
process.exit(run(process.execPath, [...(onDeno ? ["run", ...permissions] : []), script, ...filter, ...files]));

function withLongForm(): string[] {
  const tests = filesIn("tests", "_test.ts");
  return tests.filter((file) => readFileSync(join(root, file), "utf8").includes('from "./_effort.ts"'));
}
