/**
 * Runs the demo for `npm run` and `bun run`, with the packages that its report needs. Deno fetches them by itself.
 */

import { join } from "node:path";
import process from "node:process";
import { installPackages, onBun, root, run } from "./_project.ts";

if (!onBun) installPackages();
const flags = onBun ? ["--install=fallback"] : ["--disable-warning=ExperimentalWarning"];
const main = join(root, "examples", "n_puzzle", "main.ts");
process.exit(run(process.execPath, [...flags, main, ...process.argv.slice(2)]));
