/** Runs the programs of examples as their readers do. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { onDeno, root } from "../../scripts/_project.ts";
import { execute } from "../support/package.ts";

/** Runs a program with the permissions that the comment at its head names, and returns what it prints. */
export async function runProgram(file: string): Promise<string> {
  const text = readFileSync(join(root, file), "utf8");
  const flags = /^ \*     deno (run .*) (?=examples\/)/m.exec(text)![1]!.split(" ");
  const { stdout } = await execute(process.execPath, [...(onDeno ? ["--quiet", ...flags] : []), file], root);
  return stdout;
}
