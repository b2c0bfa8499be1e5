/** The programs that a test needs and a machine may lack. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { skip, test } from "./harness.ts";

/**
 * Returns `test`, or a `skip` that names what is missing among these: programs on the PATH, and files by their absolute
 * paths.
 */
export function needs(...wanted: readonly string[]): typeof test {
  const missing = wanted.filter((each) => pathOf(each) === undefined);
  return missing.length === 0 ? test : skip(`there is no ${missing.join(", no ")}`);
}

/** The path of a program on the PATH, or of a file whose absolute path it is, unless it is missing. */
export function pathOf(wanted: string): string | undefined {
  const folders = wanted.startsWith("/") ? [""] : (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, wanted)).find((path) => existsSync(path));
}
