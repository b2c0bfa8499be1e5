/** A copy of the project in its own folder, which can load another native library, and can be evaluated again. */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { filesIn, root, scratch } from "../../scripts/_project.ts";
import { type ChildOptions, runChild } from "./child.ts";
import { platformHere, prebuiltOf } from "./prebuilt.ts";

/** What a copy exports. */
export type Library = typeof import("mempool");

/** A run that takes longer than this hangs. Milliseconds. */
const patience = 60_000;

export class ProjectCopy implements Disposable {
  readonly folder: string;
  #evaluations = 0;
  #last: Library | undefined;

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

  /**
   * Evaluates the copy in this thread, once more each time, as a watcher does that keeps the process: each module's URL
   * gets another query.
   */
  async evaluate(): Promise<Library> {
    const query = `?evaluation=${++this.#evaluations}`;
    for (const file of ["mod.ts", ...filesIn("src", ".ts")]) {
      const path = join(this.folder, file);
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.replaceAll(/(?<=from "\.[^"?]*\.ts)(\?evaluation=\d+)?(?=";)/g, query));
    }
    const module = join(this.folder, "mod.ts");
    // Bun ignores the query of a file URL, but not that of a path.
    const library = await import(("Bun" in globalThis ? module : pathToFileURL(module).href) + query) as Library;
    if (library.MemPool === this.#last?.MemPool) throw new Error("The copy was not evaluated again");
    return this.#last = library;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
