/** The files of the npm package. */

import { filesIn } from "../../scripts/_project.ts";
import { PREBUILT } from "../../src/runtime/prebuilt.ts";

/** The sources, for Bun; the same compiled and declared; the library for those who load it themselves; what npm adds. */
export function packageFiles(): string[] {
  const sources = ["mod.ts", ...filesIn("src", ".ts")];
  const compiled = sources.map((file) => `dist/${file.slice(0, -".ts".length)}`);
  return [
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "package.json",
    ...sources,
    ...compiled.flatMap((file) => [`${file}.js`, `${file}.d.ts`]),
    ...Object.keys(PREBUILT).map((platform) => `native/prebuilt/mempool-${platform}.${suffixOf(platform)}`),
  ].sort();
}

function suffixOf(platform: string): string {
  return platform.startsWith("windows") ? "dll" : platform.startsWith("darwin") ? "dylib" : "so";
}
