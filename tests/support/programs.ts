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
  const missing = wanted.filter((each) => !isHere(each));
  return missing.length === 0 ? test : skip(`there is no ${missing.join(", no ")}`);
}

function isHere(wanted: string): boolean {
  if (wanted.startsWith("/")) return existsSync(wanted);
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, wanted)));
}
