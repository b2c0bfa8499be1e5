/**
 * Runs one group in a process of its own, in which no other group has influenced the compilers or left garbage. The
 * arguments are the name of the group, the settings as JSON, and the file for the result.
 */

import { writeFileSync } from "node:fs";
import process from "node:process";
import type { RunGroup, Settings } from "./_types.ts";

const [name = "", settings = "", file = ""] = process.argv.slice(2);
const { run } = await import(`./${name}.ts`) as { run: RunGroup };
writeFileSync(file, JSON.stringify(await run(JSON.parse(settings) as Settings)));
process.exit();
