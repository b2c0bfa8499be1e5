/** Formats every file. With `--check`, only prints which files are not formatted. */

import process from "node:process";
import { parseArgs } from "node:util";
import { runTool } from "./_project.ts";

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
process.exit(runTool("dprint", [values.check ? "check" : "fmt"]));
