/** A copy of the project in its own folder, which can load another native library. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, scratch } from "../../scripts/_project.ts";
import { type ChildOptions, runChild } from "../support/child.ts";
import { platformHere, prebuiltOf } from "../support/prebuilt.ts";

/** A run that takes longer than this hangs. Milliseconds. */
const patience = 60_000;

export class ProjectCopy implements Disposable {
  readonly folder: string;

  constructor() {
    mkdirSync(scratch, { recursive: true });
    this.folder = mkdtempSync(join(scratch, "copy-"));
    for (const name of ["mod.ts", "src"]) cpSync(join(root, name), join(this.folder, name), { recursive: true });
  }

  /** Makes the copy load this library on this machine. The library must have that name as its SONAME. */
  putLibrary(name: string, library: Uint8Array): void {
    const table = JSON.stringify({ [platformHere]: prebuiltOf(name, library) });
    writeFileSync(join(this.folder, "src", "runtime", "prebuilt.ts"), `export const PREBUILT = ${table};\n`);
  }

  /**
   * Copies these files of `tests` into the copy and runs the first one, which imports the others. Returns its output.
   */
  run(files: readonly string[], args: readonly string[], options?: ChildOptions): Promise<string> {
    const places = files.map((name) => join(this.folder, "tests", name));
    for (const [index, place] of places.entries()) cpSync(join(root, "tests", files[index]!), place);
    return runChild(pathToFileURL(places[0]!) as URL, args, patience, options);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
