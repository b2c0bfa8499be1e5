/**
 * Runs the tests that have a long form, in that form: see tests/support/effort.ts. All of them take up to an hour.
 *
 *     deno task soak [--filter <part of a name>] [files or folders]
 *     bun run soak [--filter <part of a name>] [files or folders]
 *     npm run soak -- [--filter <part of a name>] [files or folders]
 *
 * Prints what the tests measured. The last line says `N passed, N failed`.
 */

import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { EFFORT } from "../tests/support/effort.ts";
import { testsWithLongForm } from "./_long_tests.ts";
import { onDeno, root, run } from "./_project.ts";

const { values, positionals } = parseArgs({ options: { filter: { type: "string" } }, allowPositionals: true });
const permissions = ["--allow-read", "--allow-write", "--allow-run", "--allow-env"];
const filter = values.filter === undefined ? [] : ["--filter", values.filter];
const files = positionals.length > 0 ? positionals : testsWithLongForm();

process.env[EFFORT] = "soak";
const script = join(root, "scripts", "test.ts");
process.exit(run(process.execPath, [...(onDeno ? ["run", ...permissions] : []), script, ...filter, ...files]));
