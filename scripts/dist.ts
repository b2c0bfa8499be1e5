/**
 * Makes what the npm package ships, in `dist`: Deno and Node refuse TypeScript inside of node_modules. Runs before every
 * `npm pack` and `npm publish`.
 *
 * The folders are those of the sources, so that a path from one file to another is the same here and there.
 */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { filesIn, root, runTool } from "./_project.ts";

rmSync(join(root, "dist"), { recursive: true, force: true });
const status = runTool("tsc", ["--project", "scripts/tsconfig.dist.json"]);
if (status !== 0) process.exit(status);
for (const file of [...filesIn("dist", ".js"), ...filesIn("dist", ".d.ts")]) edit(join(root, file));

/** The compiler leaves the addresses in declarations alone; and examples import the project by its name there. */
function edit(file: string): void {
  const named = readFileSync(file, "utf8").replaceAll(/"(?:\.\.?\/)+mod\.ts"/g, '"mempool"');
  writeFileSync(file, named.replaceAll(/(?<=\b(?:from |import\(|import )")(\.[^"]*)\.ts(?=")/g, "$1.js"));
}
