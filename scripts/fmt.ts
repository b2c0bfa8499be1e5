/** Formats every file; with `--check` only says which are not formatted. */

import process from "node:process";
import { parseArgs } from "node:util";
import { runTool } from "./_project.ts";

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
process.exit(runTool("dprint", [values.check ? "check" : "fmt"]));
