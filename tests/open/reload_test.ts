/**
 * Watchers evaluate a program again in the same process, however often its file is saved. Neither memory nor mappings nor
 * worker slots nor allocated blocks may grow. A checked pool hands out zeros, and finds no mistake of the program.
 */

import { assert, assertEquals } from "@std/assert";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { root, runtime, scratch } from "../../scripts/_project.ts";
import { effort, tell } from "../support/effort.ts";
import { canMeasure } from "../support/footprint.ts";
import { skip, test } from "../support/harness.ts";
import { RunningProgram } from "../support/running_program.ts";
import type { How, Report } from "./_reload_program.ts";

const SAVES = effort(10, 200);

/** What one evaluation touches. */
const TOUCHED = 2 ** 24;

/**
 * By how much the number of the engine's own mappings may grow: two for each of its threads, of which a loaded machine
 * gets some dozens more. A leak adds at least one mapping with each save, which shows in the long form.
 */
const ENGINES_MAPPINGS = Math.max(50, 0.75 * SAVES);

/** Milliseconds after which a save that led to nothing is repeated: the watcher may not have seen it. */
const PATIENCE = 5000;

const source = readFileSync(fileURLToPath(new URL("./_reload_program.ts", import.meta.url).href), "utf8")
  .replace('"mempool"', JSON.stringify(pathToFileURL(join(root, "mod.ts")).href))
  .replace('"../support', `"${pathToFileURL(join(root, "tests", "support")).href}`);

/** A copy of the program that a watcher runs. */
class Reloaded implements Disposable {
  readonly #folder: string;
  readonly #path: string;
  readonly #program: RunningProgram;
  #next: Promise<string> | undefined;

  constructor(watch: string, how: How) {
    mkdirSync(scratch, { recursive: true });
    this.#folder = mkdtempSync(join(scratch, "reload-"));
    this.#path = join(this.#folder, "program.ts");
    this.#save(0);
    this.#program = new RunningProgram(pathToFileURL(this.#path) as URL, [how], ["--allow-all"], [watch]);
  }

  /** Saves the program, and returns what it prints. */
  async report(save: number): Promise<Report> {
    for (;;) {
      const line = await this.#lineInTime();
      const report = line === undefined ? undefined : JSON.parse(line) as Report;
      if (report?.save === save) return report;
      if (report === undefined) this.#save(save);
    }
  }

  async reportAfter(save: number): Promise<Report> {
    this.#save(save);
    return await this.report(save);
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #save(save: number): void {
    writeFileSync(this.#path, source.replace("const SAVE = 0;", `const SAVE = ${save};`));
  }

  async #lineInTime(): Promise<string | undefined> {
    this.#next ??= this.#program.line();
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), PATIENCE);
    const line = await Promise.race([this.#next, late]).finally(() => clearTimeout(timer));
    if (line !== undefined) this.#next = undefined;
    return line;
  }
}

async function saveOften(watch: string, how: How): Promise<void> {
  using reloaded = new Reloaded(watch, how);
  const reports = [await reloaded.report(0)];
  for (let save = 1; save <= SAVES; save++) reports.push(await reloaded.reportAfter(save));
  const [third, last] = [reports[3]!, reports.at(-1)!];
  tell(`${watch}, ${how}: after the third save ${JSON.stringify(third)}, after the last ${JSON.stringify(last)}`);
  for (const { workers, allocatedBlocks, regions, libraries, dirty, warnings } of reports) {
    assertEquals([workers, allocatedBlocks, regions, libraries], [1, 256, 1, third.libraries]);
    assertEquals([dirty, warnings], [0, 0]);
  }
  // A pool that stays adds 16 MiB with each save.
  assert(last.memory - third.memory < 2 * TOUCHED, `${third.memory} bytes became ${last.memory}`);
  assert(last.mappings - third.mappings < ENGINES_MAPPINGS, `${third.mappings} mappings became ${last.mappings}`);
}

/** Node's watcher starts a new process after each save, which leaves nothing. */
const WATCHERS = {
  Deno: [
    ["--watch", "open"],
    ["--watch", "init"],
    ["--watch", "open checked"],
    ["--watch-hmr", "open"],
    ["--watch-hmr", "init"],
    ["--watch-hmr", "open checked"],
  ],
  Bun: [["--hot", "open"], ["--hot", "open checked"]],
  Node: [],
}[runtime] as [watch: string, how: How][];

const measuring = canMeasure ? test : skip("only Linux says what a process uses");

for (const [watch, how] of WATCHERS) {
  measuring(
    `reload - ${SAVES} saves under ${watch} leave one pool of ${how}, one worker and its blocks`,
    () => saveOften(watch, how),
  );
}
