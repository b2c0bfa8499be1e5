/**
 * Compiles the sources into `dist`, because Deno and Node refuse TypeScript files in node_modules. Runs before every
 * `npm pack` and `npm publish`.
 *
 * The files lie in the same folders as the sources, so that relative paths between them stay the same.
 */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { filesIn, root, runTool } from "./_project.ts";

rmSync(join(root, "dist"), { recursive: true, force: true });
const status = runTool("tsc", ["--project", "scripts/tsconfig.dist.json"]);
if (status !== 0) process.exit(status);
for (const file of [...filesIn("dist", ".js"), ...filesIn("dist", ".d.ts")]) edit(join(root, file));

/** The compiler does not change addresses in declarations. Examples in comments import the package by its name. */
function edit(file: string): void {
  const named = readFileSync(file, "utf8").replaceAll(/"(?:\.\.?\/)+mod\.ts"/g, '"mempool"');
  writeFileSync(file, named.replaceAll(/(?<=\b(?:from |import\(|import )")(\.[^"]*)\.ts(?=")/g, "$1.js"));
}
