/** A copy of the library in a folder of its own, whose native library a test may break, for processes that may die of it. */

import { execFile } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import process from "node:process";
import { libraryPath } from "../src/ffi/library.ts";
import { onDeno, root, scratch } from "../scripts/_project.ts";

/** As the adapters name it. */
const systemHere = {
  system: process.platform as string,
  machine: process.arch as string,
};

/** How a process ended. A signal means that it died of it. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that takes longer hangs. Milliseconds. */
const patience = 60_000;

export class ProjectCopy implements Disposable {
  readonly folder: string;

  constructor() {
    mkdirSync(scratch, { recursive: true });
    this.folder = mkdtempSync(join(scratch, "copy-"));
    for (const name of ["mod.ts", "src"]) cpSync(join(root, name), join(this.folder, name), { recursive: true });
    mkdirSync(join(this.folder, "tests"));
    mkdirSync(this.build, { recursive: true });
    for (const name of readdirSync(join(root, "native"))) {
      if (/\.[ch]$/.test(name)) copyFileSync(join(root, "native", name), join(this.folder, "native", name));
    }
  }

  /** The folder of the built library. */
  get build(): string {
    return join(this.folder, "native", "build");
  }

  /** The library's file, for the sources as they are in the copy now. */
  get library(): string {
    return libraryPath(systemHere, join(this.folder, "native"));
  }

  /** Puts the project's library there, as a build would. */
  putLibrary(): void {
    this.putFile(readFileSync(libraryPath(systemHere, join(root, "native"))));
  }

  /** Puts a file in the library's place, and notes its checksum as if it had been built. */
  putFile(bytes: Uint8Array): void {
    writeFileSync(this.library, bytes);
    this.noteChecksum(bytes);
  }

  noteChecksum(bytes: Uint8Array): void {
    const sum = createHash("sha256").update(bytes).digest("hex");
    appendFileSync(`${this.library}.sha256`, `${sum}  ${basename(this.library)}\n`);
  }

  /** The libraries that were built, and what else should not be there; without the checksums. */
  built(): string[] {
    return existsSync(this.build) ? readdirSync(this.build).filter((name) => !name.endsWith(".sha256")) : [];
  }

  /** Runs the first of these files of the tests as part of the copy; it imports the others. Deno gets the permissions. */
  run(
    files: readonly string[],
    args: readonly string[],
    permissions: readonly string[] = ["--allow-all"],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ending> {
    const places = files.map((name) => join(this.folder, "tests", name));
    for (const place of places) copyFileSync(join(root, "tests", basename(place)), place);
    const flags = onDeno ? ["run", "--quiet", "--no-prompt", "--no-check", ...permissions] : [];
    const options = { timeout: patience, cwd: this.folder, env: { ...process.env, ...env } };
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [...flags, places[0]!, ...args], options, (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr });
      });
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Gives `use` a copy and removes it in the end. */
export function withCopy(use: (copy: ProjectCopy) => Promise<void>): () => Promise<void> {
  return async () => {
    using copy = new ProjectCopy();
    await use(copy);
  };
}
