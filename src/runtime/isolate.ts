import process from "node:process";

/** A worker's place in a pool, as later evaluations of the same copy of the library see it. */
export interface Place {
  /** The URL of the copy of the library that has the place. */
  readonly copy: string;
  /** The evaluation of that copy, counted from 1. */
  readonly evaluation: number;
  /** The pool: `MemPoolHandle.process` and `MemPoolHandle.id`. */
  readonly process: number;
  readonly pool: number;
  /** Closes the pool's objects of that evaluation, and takes back what they still hold. */
  yield(): void;
}

/**
 * What all copies of the library in one isolate share, and all evaluations of a copy. Other versions of the library read
 * it too, so its shape never changes: a change needs another key.
 */
export interface Isolate {
  /** The native libraries that this isolate has announced itself to, by `Native.process`. */
  readonly announced: Set<number>;
  /** How often each copy of the library was evaluated, by its URL. */
  readonly evaluations: Map<string, number>;
  readonly places: Set<Place>;
}

const KEY = Symbol.for("mempool isolate 1");

/**
 * The isolate that runs this code. It is kept in the object `process`, which outlives an evaluation and is the same in
 * every context of `node:vm`. Where the program has frozen `process`, each evaluation is on its own.
 */
export const isolate: Isolate = shared() ?? { announced: new Set(), evaluations: new Map(), places: new Set() };

function shared(): Isolate | undefined {
  const value = { announced: new Set(), evaluations: new Map(), places: new Set() };
  if (!(KEY in process)) Reflect.defineProperty(process, KEY, { value });
  return (process as unknown as Record<symbol, Isolate | undefined>)[KEY];
}
