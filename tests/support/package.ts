/** The package that `npm pack` makes of this project, and empty projects that install it. */

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { installPackages, onDeno, packageJson, root, scratch } from "../../scripts/_project.ts";

/** A run that takes longer hangs. Milliseconds. */
const patience = 120_000;

/** A user's program, and its worker. */
export const PROGRAM = "_package_program.ts";
export const WORKER = "_package_worker.ts";

/** A program that looks at its pool, and what it prints. */
export const INSPECTOR = "_package_inspect.ts";
export const SEEN = "0 bytes  AA──────────────\ntrue\ntrue\n";

/** What it prints: the sums of its two workers, the error of its double free, and what is left. */
export const PRINTED = /^\[ 1400, 1400 \]\ndouble-free\n\{\s+allocatedBlocks: 0,\s+frees: 3,?\s+\}\n$/;

/** What the package is made from, and some of what must not get into it. */
const copied = ["mod.ts", "src", "native", "scripts", "docs", "tests", "deno.json", "tsconfig.json", "package.json"];
const documents = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"];

/** Made by tools, and large. */
const made = ["build", "node_modules"];

let packing: Promise<Uint8Array> | undefined;

/** The package's bytes, made once for all tests of a process. In a copy, because other runs may be packing too. */
function packed(): Promise<Uint8Array> {
  return packing ??= inScratch(async (folder) => {
    installPackages(); // the copy only links to them
    for (const name of [...copied, ...documents]) {
      cpSync(join(root, name), join(folder, name), {
        recursive: true,
        filter: (path) => !made.includes(basename(path)),
      });
    }
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    await runScript(join(folder, "scripts", "dist.ts"), folder);
    await execute("npm", ["pack", "--ignore-scripts"], folder);
    return readFileSync(join(folder, tarball));
  });
}

const tarball = `${packageJson.name}-${packageJson.version}.tgz`;

/** As `npm pack` runs it, but without a second runtime. */
async function runScript(file: string, cwd: string): Promise<void> {
  await execute(process.execPath, onDeno ? ["run", "--quiet", "--allow-all", file] : [file], cwd);
}

/** What a program printed. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program. Throws when it fails, with what it printed. */
export function execute(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Output> {
  // On Windows npm and npx are scripts, which only a shell runs.
  const shell = process.platform === "win32" && ["npm", "npx"].includes(program);
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { cwd, timeout: patience, shell, env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr });
        else reject(new Error(`${error.message}\nIt wrote:\n${stdout}${stderr}`));
      },
    );
  });
}

/** A project of these files of the tests, with nothing but the package installed. */
export class Project {
  readonly folder: string;

  constructor(folder: string, files: readonly string[]) {
    this.folder = folder;
    for (const name of files) cpSync(join(root, "tests", "project", name), join(folder, name));
  }

  /** Where the package is installed. */
  get installed(): string {
    return join(this.folder, "node_modules", packageJson.name);
  }

  /** The files of the package. */
  files(): string[] {
    const entries = readdirSync(this.installed, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.installed.length + 1).replaceAll("\\", "/"))
      .filter((name) => name !== ".bun-tag") // Bun's own note
      .sort();
  }

  /** Installs the package that drawing needs, with its own, as it is in this project: without a network. */
  installDrawing(): void {
    const scope = join("node_modules", "@thi.ng");
    cpSync(join(root, scope), join(this.folder, scope), { recursive: true, dereference: true });
  }

  /** Runs a program in the project's folder. */
  run(program: string, args: readonly string[]): Promise<Output> {
    return execute(program, args, this.folder);
  }
}

/** A folder of its own, for as long as `use` takes. */
export async function inScratch<T>(use: (folder: string) => Promise<T>, place = scratch): Promise<T> {
  mkdirSync(place, { recursive: true });
  const folder = mkdtempSync(join(place, "package-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Gives `use` a project that has the package installed without install scripts, and removes it in the end. In this project
 * unless told, so that it finds this project's packages too.
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
      const [program, ...flags] = onDeno ? ["npm", "--offline", "--no-audit", "--no-fund"] : [process.execPath];
      await execute(program, ["install", "--ignore-scripts", ...flags], folder);
      await use(new Project(folder, files));
    }, place);
}
