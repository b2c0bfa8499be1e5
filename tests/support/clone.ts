/** Fresh clones of this project, as a newcomer gets them. */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { onNode, root, runtime } from "../../scripts/_project.ts";
import { skip, type test } from "./harness.ts";
import { execute, inScratch, type Output } from "./package.ts";
import { needs, pathOf } from "./programs.ts";

/** Tests of a clone that need these programs. This project is no repository if its files were downloaded as an archive. */
export function cloneTest(...programs: readonly string[]): typeof test {
  return existsSync(join(root, ".git")) ? needs(...programs) : skip("this is not a git repository");
}

/** The programs of a machine with this runtime and no other. Node comes with npm and npx. */
const programs = ["sh", "git", ...(onNode ? ["npm", "npx"] : [])];

/** Tests of a clone on such a machine. */
export const bareTest: typeof test = process.platform === "win32"
  ? skip("on Windows, a link to npm does not start it")
  : cloneTest(...programs);

/** A fresh clone: the files of this project that git does not ignore, and an empty home. */
export class Clone {
  readonly folder: string;
  readonly #home: string;
  #path = process.env["PATH"] ?? "";

  constructor(place: string) {
    this.folder = join(place, "mempool");
    this.#home = join(place, "home");
    mkdirSync(this.#home, { recursive: true });
    for (const name of filesOfGit()) {
      mkdirSync(dirname(join(this.folder, name)), { recursive: true });
      cpSync(join(root, name), join(this.folder, name));
    }
  }

  /** Makes the clone a repository with one commit. */
  async commit(): Promise<void> {
    await this.run("git", ["init", "--quiet"]);
    await this.run("git", ["add", "--all"]);
    const author = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    await this.run("git", [...author, "commit", "--quiet", "--message=Test"]);
  }

  /** From now on, programs that run in the clone find only this runtime and those that come with it or the system. */
  hideOtherPrograms(): void {
    this.#path = join(this.#home, "bin");
    mkdirSync(this.#path);
    const places = [process.execPath, ...programs.map((name) => pathOf(name)!)];
    for (const [index, name] of [runtime.toLowerCase(), ...programs].entries()) {
      symlinkSync(realpathSync(places[index]!), join(this.#path, name));
    }
  }

  /** Runs a program in the clone, or in `cwd`, with an empty home and without this process's settings of tools. */
  run(program: string, args: readonly string[], cwd = this.folder): Promise<Output> {
    const settings = /^(npm_|DENO_|BUN_|XDG_|PATH$|NODE$|NODE_OPTIONS$|INIT_CWD$)/i;
    const inherited = Object.entries(process.env).filter(([name]) => !settings.test(name));
    const home = Object.fromEntries(
      ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"].map((name) => [name, this.#home]),
    );
    return execute(program, args, cwd, { ...home, PATH: this.#path }, Object.fromEntries(inherited));
  }
}

/** The files that git tracks, or would track if everything was committed. */
function filesOfGit(): string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const names = execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\0");
  return names.filter((name) => name !== "" && existsSync(join(root, name)));
}

/**
 * Calls `use` with a fresh clone and removes it afterwards. It lies outside this project, so that tools find no files
 * here.
 */
export function withClone(use: (clone: Clone) => Promise<void>): () => Promise<void> {
  return () => inScratch((folder) => use(new Clone(folder)), tmpdir());
}
