/**
 * The process that runs one group, so that the compilers know nothing of the other groups and no garbage is left over.
 * Its arguments: the group's name, the settings as JSON, and the file for the result.
 */

import { writeFileSync } from "node:fs";
import process from "node:process";
import type { RunGroup, Settings } from "./_types.ts";

const [name = "", settings = "", file = ""] = process.argv.slice(2);
const { run } = await import(`./${name}.ts`) as { run: RunGroup };
writeFileSync(file, JSON.stringify(await run(JSON.parse(settings) as Settings)));
process.exit();
