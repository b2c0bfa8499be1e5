/**
 * Generates the reference of the API, as web pages, from the comments of the exported symbols. Needs no network.
 *
 *     deno task docs [folder]
 *     bun run docs [folder]
 *
 * The first page is index.html. Without an argument, the folder is `api`, and it is emptied first.
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { denoJson, entries, filesIn, packageJson, root, runTool, scratch } from "./_project.ts";

const ours = join(root, "api");
const folder = resolve(process.argv[2] ?? ours);
if (folder === ours) rmSync(ours, { recursive: true, force: true });

mkdirSync(scratch, { recursive: true });
const copy = mkdtempSync(join(scratch, "docs-"));
try {
  process.exitCode = makePages();
} finally {
  rmSync(copy, { recursive: true, force: true });
}

/**
 * Uses a copy of the sources whose configuration replaces every package by an empty module. With the configuration of the
 * project, Deno would fetch packages that the reference does not need, such as the types of Bun.
 */
function makePages(): number {
  const names = [denoJson.imports, ...Object.values(denoJson.scopes)].flatMap((imports) => Object.keys(imports));
  const imports = Object.fromEntries(names.map((name) => [name, "./nothing.ts"]));
  writeFileSync(join(copy, "deno.json"), JSON.stringify({ imports }));
  writeFileSync(join(copy, "nothing.ts"), "export {};\n");
  for (const name of ["mod.ts", ...filesIn("src", ".ts")]) copySource(name);
  const options = ["--html", `--name=${packageJson.name}`, `--output=${folder}`];
  const status = runTool("deno", ["doc", ...options, ...entries().values()], copy);
  if (status !== 0) return status;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (name.endsWith(".html")) edit(join(folder, name));
  }
  return 0;
}

/** In the reference, examples import the package by its name, as its users do. */
function copySource(name: string): void {
  const text = readFileSync(join(root, name), "utf8");
  mkdirSync(dirname(join(copy, name)), { recursive: true });
  writeFileSync(join(copy, name), text.replaceAll(/^( *\* .*)"(?:\.\.?\/)+mod\.ts"/gm, `$1"${packageJson.name}"`));
}

/** Deno links to the copy of the sources. In a workflow, the links lead to the repository, elsewhere to this checkout. */
function edit(page: string): void {
  const { GITHUB_REPOSITORY: repository, GITHUB_SHA: commit } = process.env;
  const base = repository === undefined
    ? `${relative(dirname(page), root).replaceAll("\\", "/")}/`
    : `https://github.com/${repository}/blob/${commit}/`;
  const found = `${pathToFileURL(copy).href}/`.replaceAll("/", "&#x2F;");
  let text = readFileSync(page, "utf8").replaceAll(found, base);
  for (const [name, path] of entries()) text = text.replaceAll(`from &quot;${path}&quot;`, `from &quot;${name}&quot;`);
  writeFileSync(page, text);
}
