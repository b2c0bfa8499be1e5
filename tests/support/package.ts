/** The package that `npm pack` or `bun pm pack` makes of this project, and projects that use it. */

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import {
  installPackages,
  onBun,
  onNode,
  packageJson,
  root,
  runtimeArgs,
  scratch,
  toolCommand,
} from "../../scripts/_project.ts";
import { test } from "./harness.ts";
import { needs } from "./programs.ts";

/** Tests of the installed package. Bun makes and installs it by itself; Deno has no command for either. */
export const packageTest: typeof test = onBun ? test : needs("npm");

/** A program that takes longer hangs. Milliseconds. */
const patience = 120_000;

/** A user's program on Deno and Bun, and its worker. */
export const WEB_PROGRAM = "_package_program.ts";
export const WEB_WORKER = "_package_worker.ts";

/** A user's program on this runtime, and all its files. On Node, the workers are in the same file. */
export const PROGRAM: string = onNode ? "_package_program.mjs" : WEB_PROGRAM;
export const PROGRAM_FILES: readonly string[] = onNode ? [PROGRAM] : [WEB_PROGRAM, WEB_WORKER];

/** A user's program on Node that is a CommonJS module, and what it prints. */
export const REQUIRING = "_package_program.cjs";
export const REQUIRED = "true double-free\ntrue 0\n";

/** What the program prints: the sums of its two workers, the error of its double free, and the final counts. */
export const PRINTED = /^\[ 1400, 1400 \]\ndouble-free\n\{\s+allocatedBlocks: 0,\s+frees: 3,?\s+\}\n$/;

/** A user's program on a Node without an FFI, and what it prints. */
export const OLD_NODE_PROGRAM = "_package_old_node.mjs";
export const PRINTED_BY_OLD_NODE = "0 bytes  AA\nunsupported\n";

/** A program that draws its pool, and what it prints. */
export const INSPECTOR = "_package_inspect.ts";
export const SEEN = "0 bytes  AA──────────────\ntrue\ntrue\n";

/** The files that the package is made from, and some that must not get into it. */
const copied = ["mod.ts", "src", "native", "scripts", "docs", "tests", "deno.json", "tsconfig.json", "package.json"];
const documents = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"];

/** Folders that tools create. They are large. */
const created = ["build", "node_modules"];

let packing: Promise<Uint8Array> | undefined;

/** The bytes of the package, made once per process. It is made in a copy, because other test runs may pack as well. */
function packed(): Promise<Uint8Array> {
  return packing ??= inScratch(async (folder) => {
    installPackages(); // the copy only links to them
    for (const name of [...copied, ...documents]) {
      cpSync(join(root, name), join(folder, name), {
        recursive: true,
        filter: (path) => !created.includes(basename(path)),
      });
    }
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    await runScript(join(folder, "scripts", "dist.ts"), folder);
    const [program, ...args] = onBun ? [process.execPath, "pm", "pack"] : ["npm", "pack"];
    await execute(program, [...args, "--ignore-scripts"], folder);
    return readFileSync(join(folder, tarball));
  });
}

const tarball = `${packageJson.name}-${packageJson.version}.tgz`;

/** `npm pack` runs the script with Node. Here the runtime of the tests runs it. */
async function runScript(file: string, cwd: string): Promise<void> {
  await execute(process.execPath, [...runtimeArgs(["--allow-all"]), file], cwd);
}

/** What a program printed. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program, with the variables `env` beside those of `inherited`. Throws when it fails, with what it printed. */
export function execute(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  inherited: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Output> {
  // On Windows npm and npx are scripts, which only a shell runs.
  const shell = process.platform === "win32" && ["npm", "npx"].includes(program);
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { cwd, timeout: patience, shell, env: { ...inherited, ...env }, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr });
        else reject(new Error(`${error.message}\nIt wrote:\n${stdout}${stderr}`));
      },
    );
  });
}

/** Runs deno, dprint, esbuild or tsc in the version that this project pins. */
export function executeTool(name: string, args: readonly string[], cwd: string): Promise<Output> {
  const [program, ...firstArgs] = toolCommand(name);
  return execute(program, [...firstArgs, ...args], cwd);
}

/** A user's project in a folder, with some files of the tests. */
export class Project {
  readonly folder: string;

  constructor(folder: string, files: readonly string[]) {
    this.folder = folder;
    for (const name of files) cpSync(join(root, "tests", "project", name), join(folder, name));
  }

  /** The folder of the installed package. */
  get installed(): string {
    return join(this.folder, "node_modules", packageJson.name);
  }

  /** The files of the installed package. */
  files(): string[] {
    const entries = readdirSync(this.installed, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.installed.length + 1).replaceAll("\\", "/"))
      .filter((name) => name !== ".bun-tag") // Bun writes this one
      .sort();
  }

  /** Copies packages of this project with all that they need, from this project's node_modules. */
  copyPackages(...names: string[]): void {
    installPackages();
    for (const name of names) {
      const place = join("node_modules", name);
      cpSync(join(root, place), join(this.folder, place), { recursive: true, dereference: true });
    }
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** Runs a program in the project's folder. */
  run(program: string, args: readonly string[]): Promise<Output> {
    return execute(program, args, this.folder);
  }

  /** Runs dprint, esbuild or tsc in the project's folder. */
  runTool(name: string, args: readonly string[]): Promise<Output> {
    return executeTool(name, args, this.folder);
  }
}

/** Passes `use` a new folder, and removes it afterwards. */
export async function inScratch<T>(use: (folder: string) => T | Promise<T>, place = scratch): Promise<T> {
  mkdirSync(place, { recursive: true });
  const folder = mkdtempSync(join(place, "package-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Passes `use` a project in which the package is installed without install scripts, and removes it afterwards. By default
 * the project lies inside this one, so that it finds this project's packages too.
 */
export function withInstalled(
  files: readonly string[],
  use: (project: Project) => Promise<void>,
  place = scratch,
): () => Promise<void> {
  return () =>
    inScratch(async (folder) => {
      const dependencies = { [packageJson.name]: `file:./${tarball}` };
      writeFileSync(join(folder, tarball), await packed());
      writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", dependencies }));
      // Deno has no command that installs from a file.
      const [program, ...flags] = onBun ? [process.execPath] : ["npm", "--offline", "--no-audit", "--no-fund"];
      await execute(program, ["install", "--ignore-scripts", ...flags], folder);
      await use(new Project(folder, files));
    }, place);
}
