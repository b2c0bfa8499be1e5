/**
 * Contenders in a worker, which is an engine of their own that has seen no other pool. In a program with one pool, as
 * in most programs, the compilers treat the pool as a constant. In a process that measures several pools, a separate
 * instance of the module for each would be enough on Deno. In JavaScriptCore, however, functions with the same text
 * share their profiles: a second instance of the module slowed a pair of the first one from 8 ns to 14, and a copy of
 * the module with other names did not.
 */

import { spawnWorker } from "../tests/support/workers.ts";
import type { Contender, DistantContender, Turn } from "./_measure.ts";
import type { Settings } from "./_types.ts";

/** A contender with resources to close. */
export interface Side {
  readonly contender: Contender;
  close(): void;
}

/** The type of a function that a module for such a worker exports. */
export type MakeSides = (count: number) => Side[];

export type Request =
  | { readonly kind: "make"; readonly module: string; readonly make: string; readonly count: number }
  | { readonly kind: "turn"; readonly index: number; readonly settings: Settings }
  | { readonly kind: "close" };

export interface Engine {
  readonly contenders: readonly DistantContender[];
  close(): Promise<void>;
}

/** Starts an engine that imports a module and calls its export `make` with `count`. */
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
