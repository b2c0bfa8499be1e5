/** The resources of the operating system that this process uses. Only Linux reports them. */

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** Resources of a process. Sizes are in bytes. */
export interface Footprint {
  readonly mappings: number;
  readonly descriptors: number;
  readonly addressSpace: number;
  readonly memory: number;
}

export const canMeasure = process.platform === "linux";

export function footprint(): Footprint | undefined {
  if (!canMeasure) return undefined;
  const status = readFileSync("/proc/self/status", "utf8");
  return {
    mappings: readFileSync("/proc/self/maps", "utf8").split("\n").length,
    descriptors: readdirSync("/proc/self/fd").length,
    addressSpace: kilobytesOf(status, "VmSize") * 1024,
    memory: kilobytesOf(status, "VmRSS") * 1024,
  };
}

function kilobytesOf(status: string, name: string): number {
  const [, kilobytes] = new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(status) ?? [];
  if (kilobytes === undefined) throw new Error(`/proc/self/status has no ${name}`);
  return Number(kilobytes);
}
