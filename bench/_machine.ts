/**
 * Describes the machine and the versions of a run, without which its figures mean nothing. Figures of several workers
 * also mean nothing if other programs kept the processors busy: the load average shows this.
 */

import { spawnSync } from "node:child_process";
import os from "node:os";
import process from "node:process";
import { packages, root, runtime } from "../scripts/_project.ts";

export function describeMachine(): Record<string, string> {
  const processors = os.cpus();
  return {
    processor: `${processors[0]?.model ?? "unknown"}, ${processors.length} processors`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    "load average": os.loadavg()[0]!.toFixed(1),
    system: `${os.type()} ${os.release().split("-")[0]}, ${process.arch}`,
  };
}

export function listVersions(): Record<string, string> {
  const engines = { Deno: ["deno", "v8"], Bun: ["bun", "webkit"], Node: ["node", "v8"] }[runtime];
  const libraries = ["tinybench", "@thi.ng/malloc"];
  return {
    ...Object.fromEntries(engines.map((name) => [name, String(process.versions[name])])),
    "C compiler": firstLine("cc", "--version"),
    ...Object.fromEntries(libraries.map((name) => [name, packages[name] ?? ""])),
    "mempool's commit": firstLine("git", "-C", root, "describe", "--always", "--dirty"),
  };
}

function firstLine(program: string, ...args: string[]): string {
  const { stdout } = spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return stdout?.split("\n")[0] || "unknown";
}
