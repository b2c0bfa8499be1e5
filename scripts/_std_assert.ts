/**
 * Decides where the tests get `@std/assert` from: from JSR if it answers, otherwise from the stand-in
 * `tests/support/assert.ts`.
 *
 * - Deno resolves the specifier through deno.json. An import map replaces it by the stand-in.
 * - Bun and tsc resolve it through the paths in tsconfig.json: first the copy that JSR's client puts into `.scratch/jsr`,
 *   then the stand-in. Node does the same through node_hooks.ts.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { denoJson, onBun, onDeno, root, scratch } from "./_project.ts";

export const standIn: string = join(root, "tests", "support", "assert.ts");

/** `jsr:@std/assert@^1`, the address in deno.json. */
const specifier = denoJson.imports["@std/assert"] ?? "";

/** How long the tests wait for JSR, if the network does not answer at all. Milliseconds. */
const patience = 15_000;

/** Looks for `@std/assert` on JSR, says so, and returns the flags that Deno needs for the result. */
export function prepareStdAssert(): string[] {
  if (!onDeno && existsSync(jsrCopy)) return [];
  console.log(`Looking for ${specifier} (at most ${patience / 1000} seconds) …`);
  if (onDeno ? denoReachesJsr() : fetchJsrCopy()) return [];
  console.log("JSR does not answer. The tests use tests/support/assert.ts instead.");
  return onDeno ? importMapFlags(pathToFileURL(standIn).href) : [];
}

/** The flags that make Deno resolve specifiers as deno.json does, except that `@std/assert` is `target`. */
export function importMapFlags(target: string): string[] {
  const map = {
    imports: addressesOf({ ...denoJson.imports, "@std/assert": target }),
    scopes: Object.fromEntries(
      Object.entries(denoJson.scopes).map(([folder, imports]) => [absolute(folder), addressesOf(imports)]),
    ),
  };
  return [`--import-map=data:application/json,${encodeURIComponent(JSON.stringify(map))}`];
}

function addressesOf(imports: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(imports).map(([name, address]) => [name, absolute(address)]));
}

/** A relative address cannot be resolved against a data: URL. */
function absolute(address: string): string {
  return address.startsWith("./") ? new URL(address, pathToFileURL(root)).href : address;
}

function denoReachesJsr(): boolean {
  return succeeds(process.execPath, ["cache", "--quiet", specifier], root);
}

/** JSR's client. */
const client = "jsr@0.14.3";

const jsrFolder = join(scratch, "jsr");

/** Where JSR's client puts `@std/assert` for Bun and Node. */
export const jsrCopy: string = join(jsrFolder, "node_modules", "@std", "assert", "mod.js");

/** Runs JSR's client in a folder of its own, because it edits the package.json that it finds. */
function fetchJsrCopy(): boolean {
  mkdirSync(jsrFolder, { recursive: true });
  writeFileSync(join(jsrFolder, "package.json"), "{}\n");
  const added = specifier.replace("jsr:", "");
  // The first --bun puts this Bun on the PATH, where the client looks for one.
  const done = onBun
    ? succeeds(process.execPath, ["--bun", "x", client, "add", "--bun", added], jsrFolder)
    : succeeds("npx", ["-y", client, "add", "--npm", added], jsrFolder);
  return done && existsSync(jsrCopy);
}

function succeeds(program: string, args: readonly string[], cwd: string): boolean {
  const env = { ...process.env, npm_config_fetch_retries: "0" }; // npm waits before it tries again
  return spawnSync(program, args, { cwd, env, stdio: "ignore", timeout: patience }).status === 0;
}
