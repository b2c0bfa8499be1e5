/** Runs a group in a process of its own. */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { onDeno, onNode, root, runtimeArgs, scratch } from "../scripts/_project.ts";
import type { GroupName, GroupResult, Settings } from "./_types.ts";

const entry = fileURLToPath(new URL("_group.ts", import.meta.url).href);

/** All permissions, because some groups read /proc. Exposes the garbage collector, which Bun always does. */
const args = [...runtimeArgs(["--no-check", "--allow-all"]), ...exposeGc()];

function exposeGc(): string[] {
  if (onDeno) return ["--v8-flags=--expose-gc"];
  return onNode ? ["--expose-gc"] : [];
}

export function runGroup(name: GroupName, settings: Settings): GroupResult {
  mkdirSync(join(scratch, "bench"), { recursive: true });
  const file = join(scratch, "bench", `${name}-${process.pid}.json`);
  const program = [entry, name, JSON.stringify(settings), file];
  const { status, signal, error } = spawnSync(process.execPath, [...args, ...program], { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error(`Cannot measure ${name}: ${error?.message ?? signal ?? `exit code ${status}`}`);
  try {
    return JSON.parse(readFileSync(file, "utf8")) as GroupResult;
  } finally {
    rmSync(file);
  }
}
