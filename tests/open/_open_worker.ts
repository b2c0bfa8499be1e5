/** The worker of the tests in which several threads open one name: executes an `OpenOrder`. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MemPool, MemPoolError, type MemPoolHandle, type MemPoolOptions } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { nameFrom, settingsFrom } from "../../src/options.ts";
import { DESTROYED, FORMAT, STATE } from "../../src/region/layout.ts";
import { formatRegion } from "../../src/region/region.ts";
import { openNative } from "../../src/runtime/open.ts";
import { meet } from "../support/meet.ts";
import { assertMarked, mark, present, warningsOf } from "../support/pool.ts";
import type { Library } from "../support/project_copy.ts";
import { sequenceFrom } from "../support/sequence.ts";
import { answer } from "../support/workers.ts";

/** The step of `open` or `destroy` after which a worker ends. */
export type LastStep = "map" | "join" | "publish" | "state";

export type OpenOrder =
  /** Returns the number of the thread. */
  | { readonly ask: "thread" }
  /** Opens the name and keeps the object. Returns the pool's handle. */
  | { readonly ask: "open"; readonly name: string; readonly size: number; readonly options?: MemPoolOptions }
  /** Allocates with the kept object, and returns the offsets. */
  | { readonly ask: "take"; readonly sizes: readonly number[] }
  | { readonly ask: "close" }
  /**
   * Fills the kept object's first block, and starts the thread anew, as Deno's watcher does: what the thread has attached
   * counts as that of a thread that has ended. Then the copy of the library in a folder opens the name.
   */
  | { readonly ask: "restart"; readonly folder: string; readonly name: string; readonly options: MemPoolOptions }
  /** Opens each name at the same moment as `parties` - 1 others, and keeps it open. Returns the handles. */
  | { readonly ask: "race"; readonly names: readonly string[]; readonly words: Int32Array; readonly parties: number }
  /**
   * Opens the name, uses the pool, and closes or destroys it, again and again, until `words[0]` is not 0. Returns how
   * often it has opened, and how often it found another thread to have destroyed the pool.
   */
  | { readonly ask: "churn"; readonly name: string; readonly words: Int32Array; readonly seed: number }
  /** Executes the steps of opening a new name, or of destroying it, up to this one. */
  | { readonly ask: "stop after"; readonly step: LastStep; readonly name: string };

export interface Churned {
  readonly opened: number;
  readonly ended: number;
}

/** What the new isolate was handed: whether the pool is all zeros, and what the library has printed. */
export interface Restarted {
  readonly isZero: boolean;
  readonly printed: unknown[][];
}

/** How often a churning worker opens the name, although it may be told to stop before. */
const AT_LEAST = 100;

const SIZES = [4096, 8192];

let pool: MemPool;
const kept: MemPool[] = [];

answer((order: OpenOrder) => {
  switch (order.ask) {
    case "thread":
      return openNative().thread();
    case "open":
      pool = MemPool.open(order.name, order.size, 64, order.options);
      return pool.handle;
    case "take":
      return order.sizes.map((bytes) => pool.allocOffset(bytes));
    case "close":
      return pool.close();
    case "restart":
      return restart(order);
    case "race":
      return race(order);
    case "churn":
      return churn(order);
    case "stop after":
      return stopAfter(order.step, order.name);
  }
});

async function restart({ folder, name, options }: OpenOrder & { ask: "restart" }): Promise<Restarted> {
  const library = await import(pathToFileURL(join(folder, "mod.ts")).href) as Library;
  mark(pool.at(0), 1);
  openNative().restart();
  let bytes = new Uint8Array(0);
  const printed = warningsOf(() => {
    const again = library.MemPool.open(name, 4096, 64, options);
    kept.push(again);
    bytes = new Uint8Array(present(again.alloc(4096)));
    again.stats(); // prints what was found
  });
  return { isZero: bytes.every((byte) => byte === 0), printed };
}

function race({ names, words, parties }: OpenOrder & { ask: "race" }): MemPoolHandle[] {
  return names.map((name, round) => {
    meet(words, 0, (round + 1) * parties);
    const opened = MemPool.open(name, 4096, 64);
    kept.push(opened);
    const block = present(opened.alloc(64));
    mark(block, round);
    assertMarked(block, round);
    return opened.handle;
  });
}

function churn({ name, words, seed }: OpenOrder & { ask: "churn" }): Churned {
  const draw = sequenceFrom(seed);
  let [opened, ended] = [0, 0];
  for (; opened < AT_LEAST || Atomics.load(words, 0) === 0; opened++) {
    try {
      using mine = MemPool.open(name, SIZES[draw(20) === 0 ? 1 : 0]!, 64);
      use(mine, draw(1000));
      if (draw(4) === 0) mine.destroy();
    } catch (error) {
      if (!(error instanceof MemPoolError)) throw error;
      if (error.code === "destroyed") ended++;
      else if (error.code !== "format-mismatch") throw error; // another thread has the pool of the other size
    }
  }
  return { opened, ended };
}

function use(mine: MemPool, cookie: number): void {
  const block = mine.alloc(100);
  if (block === null) return;
  mark(block, cookie);
  mine.free(block);
}

/** The same steps, in the same order, as in src/attachment.ts and src/named.ts. */
function stopAfter(step: LastStep, name: string): void {
  if (step === "publish" || step === "state") {
    pool = MemPool.open(name, 4096, 64);
    pool.alloc(64);
    if (step === "state") Atomics.store(Attachment.open(pool.handle).region.header, STATE, DESTROYED);
    return;
  }
  const native = openNative();
  const settings = settingsFrom(4096, 64, {}, "open pool");
  if (native.find(nameFrom(name)) !== 0) throw new Error("the name is taken");
  const id = native.create(settings.metaBytes, 4096, 4096);
  const mapping = native.mapping(native.open(id));
  mapping.close();
  if (step === "map") return;
  const region = formatRegion(mapping.meta, settings, native.barrier());
  Attachment.join(native, mapping, region, { format: FORMAT, process: native.process, id });
}
