/** What the project's scripts share: where the project is, and how they run other programs. Deno and Bun alike. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url).href);
export const onDeno = "Deno" in globalThis;

/** Everything that the scripts and tests make and nobody keeps. Ignored by git. */
export const scratch = join(root, ".scratch");

/** The programs that the scripts run are packages of their own folder: see its package.json. */
export const toolsFolder = join(root, "scripts", "tools");

export interface DenoJson {
  readonly name: string;
  readonly version: string;
  readonly exports: string | Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, string>>;
}

export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly engines: { readonly deno: string; readonly bun: string };
  readonly os: readonly string[];
  readonly cpu: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

export const denoJson: DenoJson = readJson(join(root, "deno.json"));
export const packageJson: PackageJson = readJson(join(root, "package.json"));

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/** The files under a folder of the project that end in `suffix`, as `docs/design.md`. None when there is no such folder. */
export function filesIn(folder: string, suffix: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(suffix)).map((name) => `${folder}/${name.replaceAll("\\", "/")}`).sort();
}

/** The modules that users import, as `mod.ts`, by the names by which they do. */
export function entries(): ReadonlyMap<string, string> {
  const { exports } = denoJson;
  const paths = Object.entries(typeof exports === "string" ? { ".": exports } : exports);
  return new Map(paths.map(([name, path]) => [`${packageJson.name}${name.slice(1)}`, path.slice("./".length)]));
}

/** The documents whose examples are checked and run. */
export function documents(): string[] {
  return [...(existsSync(join(root, "README.md")) ? ["README.md"] : []), ...filesIn("docs", ".md")];
}

/** Runs a program in the project's folder, its output going where ours goes. Returns its exit code. */
export function run(program: string, args: readonly string[], cwd = root): number {
  const { status, error } = spawnSync(program, args, { cwd, stdio: "inherit" });
  if (error !== undefined) console.error(`Cannot run ${program}: ${error.message}`);
  return status ?? 1;
}

/** Runs deno, bun, dprint or tsc in the version that scripts/tools names. Returns its exit code. */
export function runTool(name: string, args: readonly string[], cwd = root): number {
  installPackages(toolsFolder);
  return run(toolPath(name), args, cwd);
}

/** Where such a program is, once it is installed. */
export function toolPath(name: string): string {
  return join(toolsFolder, "node_modules", ".bin", name);
}

/** Installs what bun.lock in `folder` says, unless all that package.json asks for is there. */
export function installPackages(folder = root): void {
  const { devDependencies } = readJson<PackageJson>(join(folder, "package.json"));
  if (Object.entries(devDependencies).every(([name, version]) => isInstalled(folder, name, version))) return;
  console.log(`Installing ${Object.keys(devDependencies).join(", ")}`);
  const args = ["install", "--frozen-lockfile"];
  const bun = `bun@${readJson<PackageJson>(join(toolsFolder, "package.json")).devDependencies["bun"]}`;
  const status = onDeno ? run("npx", ["-y", bun, ...args], folder) : run(process.execPath, args, folder);
  if (status !== 0) throw new Error(`Cannot install the packages of ${folder}: bun install exited with ${status}`);
}

function isInstalled(folder: string, name: string, version: string): boolean {
  const manifest = join(folder, "node_modules", name, "package.json");
  return existsSync(manifest) && readJson<{ version: string }>(manifest).version === version;
}
