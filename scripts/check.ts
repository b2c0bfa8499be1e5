/**
 * Checks the types for all runtimes: tsc with the types of Bun, Deno and Node, then deno check. Both use the stand-in for
 * `@std/assert`, so that the result is the same with and without JSR.
 */

import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { documents, root, runTool } from "./_project.ts";
import { importMapFlags } from "./_std_assert.ts";

const standIn = pathToFileURL(join(root, "tests", "support", "assert.ts")).href;
const tsc = runTool("tsc", ["--project", "."]);
// With --doc, the examples in documents and comments are checked too.
const deno = runTool("deno", ["check", "--quiet", "--doc", ...importMapFlags(standIn), ".", ...documents()]);
process.exit(tsc || deno);
