/**
 * Where the tests get `@std/assert` from: JSR wherever it answers, the stand-in `tests/support/assert.ts` where it does not.
 *
 * - Deno resolves the specifier through deno.json. The stand-in takes its place through an import map.
 * - Bun and tsc resolve it through the paths in tsconfig.json: first the copy that JSR's own client puts into
 *   `.scratch/jsr`, then the stand-in.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { denoJson, onDeno, root, scratch } from "./_project.ts";

const standIn = join(root, "tests", "support", "assert.ts");

/** `jsr:@std/assert@^1`, as deno.json has it. */
const specifier = denoJson.imports["@std/assert"] ?? "";

/** A network that swallows packets must not stop the tests for longer than this. */
const patience = 15_000;

/** Finds out which `@std/assert` this run uses, says so when it is the stand-in, and returns the flags Deno needs. */
export function prepareStdAssert(): string[] {
  const answered = onDeno ? denoReachesJsr() : bunHasJsrCopy() || bunReachesJsr();
  if (answered) return [];
  console.log(`JSR does not answer: tests/support/assert.ts stands in for ${specifier}`);
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
  return succeeds(["cache", "--quiet", specifier], root);
}

const jsrFolder = join(scratch, "jsr");

function bunHasJsrCopy(): boolean {
  return existsSync(join(jsrFolder, "node_modules", "@std", "assert", "mod.js"));
}

/** Runs JSR's own client, which knows the registry, in a folder where it changes nothing of ours. */
function bunReachesJsr(): boolean {
  mkdirSync(jsrFolder, { recursive: true });
  writeFileSync(join(jsrFolder, "package.json"), "{}\n");
  // The first --bun puts this very Bun on the PATH, where the client looks for it.
  const args = ["--bun", "x", "jsr@0.14.3", "add", "--bun", specifier.replace("jsr:", "")];
  return succeeds(args, jsrFolder) && bunHasJsrCopy();
}

function succeeds(args: readonly string[], cwd: string): boolean {
  return spawnSync(process.execPath, args, { cwd, stdio: "ignore", timeout: patience }).status === 0;
}
