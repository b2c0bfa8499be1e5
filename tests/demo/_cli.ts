/** Runs the demo as a user does, on the runtime of the tests and with only the permissions that the README lists. */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtimeArgs } from "../../scripts/_project.ts";

const main = fileURLToPath(new URL("../../examples/n_puzzle/main.ts", import.meta.url).href);
const flags = runtimeArgs(["--allow-ffi", "--allow-read", "--allow-write", "--allow-run"]);

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function runDemo(args: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, main, ...args], { encoding: "utf8" });
  return { code: status, stdout, stderr };
}
