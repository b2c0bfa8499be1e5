/**
 * Builds the native library for every platform that it is shipped for, into native/prebuilt, and makes
 * src/runtime/prebuilt.ts of them. To be run after each change of the library's C. docs/platforms.md says what it needs.
 *
 *     deno task prebuild
 *     bun run prebuild
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFor, compilerHere, fileOf, moduleOf, platforms, prebuiltFolder, prebuiltModule } from "./_prebuilt.ts";
import { scratch } from "./_project.ts";

const compiler = compilerHere();
if (compiler === undefined) throw new Error("There is no clang here; docs/platforms.md says what is needed");

const drafts = join(scratch, "prebuild");
const files = new Map(platforms.map((platform) => [platform, buildFor(platform, drafts)]));
mkdirSync(prebuiltFolder, { recursive: true });
for (const [platform, bytes] of files) {
  writeFileSync(join(prebuiltFolder, fileOf(platform)), bytes);
  console.log(`${fileOf(platform)}: ${bytes.length} bytes`);
}
writeFileSync(prebuiltModule, moduleOf(files, compiler));
rmSync(drafts, { recursive: true });
