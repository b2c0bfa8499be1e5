/**
 * Contenders in a worker: in an engine of their own, which has seen no pool but theirs. Where a program has one pool, as most
 * have, the compilers take it for a constant. In a process that measures several, an instance of the module for each would
 * do on Deno. In JavaScriptCore, functions of the same text share what it learns of them: the second instance made a pair
 * of the first one's take 14 ns instead of 8, and a copy of the module with other names in it did not.
 */

import { spawnWorker } from "../tests/support/workers.ts";
import type { Contender, DistantContender, Turn } from "./_measure.ts";
import type { Settings } from "./_types.ts";

/** A contender that holds something. */
export interface Side {
  readonly contender: Contender;
  close(): void;
}

/** What a module for such a worker exports, by any name. */
export type MakeSides = (count: number) => Side[];

export type Request =
  | { readonly kind: "make"; readonly module: string; readonly make: string; readonly count: number }
  | { readonly kind: "turn"; readonly index: number; readonly settings: Settings }
  | { readonly kind: "close" };

export interface Engine {
  readonly contenders: readonly DistantContender[];
  close(): Promise<void>;
}

/** Starts an engine that imports a module and calls what it exports as `make`, with `count`. */
export async function startEngine(module: URL, make: string, count: number): Promise<Engine> {
  const worker = spawnWorker(new URL("_engine_worker.ts", import.meta.url));
  const ask = <Reply>(request: Request): Promise<Reply> => worker.call<Reply>(request);
  const names = await ask<string[]>({ kind: "make", module: module.href, make, count });
  return {
    contenders: names.map((name, index) => {
      return { name, turn: (settings) => ask<Turn>({ kind: "turn", index, settings }) };
    }),
    close: async () => {
      await ask({ kind: "close" });
      worker.terminate();
    },
  };
}
