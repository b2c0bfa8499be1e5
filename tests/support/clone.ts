/** Fresh clones of this project, as a newcomer gets them. */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/_project.ts";
import { execute, inScratch, type Output } from "./package.ts";

/** Whether this project is a git repository. It is not if its files were downloaded as an archive. */
export const inRepository = existsSync(join(root, ".git"));

/** A fresh clone: the files of this project that git does not ignore, and an empty home. */
export class Clone {
  readonly folder: string;
  readonly #home: string;

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

  /** Runs a program in the clone, or in `cwd`, with an empty home and without this process's settings of tools. */
  run(program: string, args: readonly string[], cwd = this.folder): Promise<Output> {
    const settings = /^(npm_|DENO_|BUN_|XDG_|NODE_OPTIONS$|INIT_CWD$)/i;
    const inherited = Object.entries(process.env).filter(([name]) => !settings.test(name));
    const home = Object.fromEntries(
      ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"].map((name) => [name, this.#home]),
    );
    return execute(program, args, cwd, home, Object.fromEntries(inherited));
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
