/**
 * Checks the types as each runtime sees them: tsc with Bun's and Deno's types, then deno check. Both take the types of
 * `@std/assert` from the stand-in, so that the outcome is the same with and without JSR.
 */

import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { documents, root, runTool } from "./_project.ts";
import { importMapFlags } from "./_std_assert.ts";

const standIn = pathToFileURL(join(root, "tests", "support", "assert.ts")).href;
const tsc = runTool("tsc", ["--project", "."]);
// --doc: the examples in documents and comments are checked too.
const deno = runTool("deno", ["check", "--quiet", "--doc", ...importMapFlags(standIn), ".", ...documents()]);
process.exit(tsc || deno);
