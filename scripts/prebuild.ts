/**
 * Builds the native library for every supported platform into native/prebuilt, and generates src/runtime/prebuilt.ts
 * from the results. Run it after each change of the library's C sources. docs/platforms.md lists the required packages.
 *
 *     deno task prebuild
 *     bun run prebuild
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFor, compilerHere, fileOf, moduleOf, platforms, prebuiltFolder, prebuiltModule } from "./_prebuilt.ts";
import { scratch } from "./_project.ts";

const compiler = compilerHere();
if (compiler === undefined) {
  throw new Error(
    "Cannot build the native library: clang is not installed; docs/platforms.md lists the required packages",
  );
}

const drafts = join(scratch, "prebuild");
const files = new Map(platforms.map((platform) => [platform, buildFor(platform, drafts)]));
mkdirSync(prebuiltFolder, { recursive: true });
for (const [platform, bytes] of files) {
  writeFileSync(join(prebuiltFolder, fileOf(platform)), bytes);
  console.log(`${fileOf(platform)}: ${bytes.length} bytes`);
}
writeFileSync(prebuiltModule, moduleOf(files, compiler));
rmSync(drafts, { recursive: true });
