/** Runs a program of the tests as a process of its own, on the same runtime: so that a signal ends it and not the tests. */

import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { onDeno } from "../../scripts/_project.ts";

export interface ChildOptions {
  /** For Deno. All unless given: a program that looks at its process in /proc needs them. */
  readonly permissions?: readonly string[];
  /** For the runtime that this is. */
  readonly moreFlags?: readonly string[];
  /** Beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Little memory for the engine's garbage, so that what grows is not that. */
const flags = onDeno
  ? ["run", "--quiet", "--no-prompt", "--no-check", "--v8-flags=--max-old-space-size=32,--max-semi-space-size=1"]
  : ["--smol"];

/** With this, a program on Deno has a function `gc`. On Bun, every program has `Bun.gc`. */
export const EXPOSE_GC: readonly string[] = onDeno ? ["--v8-flags=--expose-gc"] : [];

/** Returns what the program printed. Rejects when it ended by a signal, in failure or not at all, and says which. */
export function runChild(
  file: URL,
  args: readonly string[],
  patience: number,
  { permissions = ["--allow-all"], moreFlags = [], env, cwd = process.cwd() }: ChildOptions = {},
): Promise<string> {
  const options = { timeout: patience, maxBuffer: 2 ** 26, cwd, env: { ...process.env, ...env } };
  const all = [...flags, ...moreFlags, ...(onDeno ? permissions : []), fileURLToPath(file.href), ...args];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, all, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`The child ${endOf(error)}. It wrote:\n${stdout}${stderr}`));
    });
  });
}

function endOf({ code, signal, killed }: { code?: unknown; signal?: unknown; killed?: boolean }): string {
  if (killed === true) return "did not end in time";
  return typeof signal === "string" ? `was ended by ${signal}` : `ended with code ${code}`;
}
