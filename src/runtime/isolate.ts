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

/** The part of the runtimes' BroadcastChannel that is used here. */
export interface Channel {
  onmessage: (event: { readonly data: unknown }) => void;
  /** Sends to all threads of the process that have a channel of this name open, but not to this channel. */
  postMessage(message: number): void;
  /** Whether the open channel keeps the thread's event loop alive. */
  ref(): void;
  unref(): void;
}

/** Looks for blocks of a pool, for the requests of one evaluation of the library. */
export type Hear = (pool: number) => void;

/**
 * An isolate's channel to the other threads of the process, once it has listened or woken others. All copies and
 * evaluations of the library in the isolate share it. Never closed: on Deno, a channel that is opened after another one
 * of its thread was closed receives nothing.
 */
export interface Line {
  readonly channel: Channel;
  /** Those that listen now. */
  readonly hearers: Set<Hear>;
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
  /** The channels to other threads, by `Native.process`. */
  readonly lines: Map<number, Line>;
}

const KEY = Symbol.for("mempool isolate 1");

/**
 * The isolate that runs this code. It is kept in the object `process`, which outlives an evaluation and is the same in
 * every context of `node:vm`. Where the program has frozen `process`, each evaluation is on its own.
 */
export const isolate: Isolate = shared();

/** Whether other copies and evaluations see the same isolate. */
export const isShared: boolean = Object.hasOwn(process, KEY);

function shared(): Isolate {
  const value: Isolate = { announced: new Set(), evaluations: new Map(), places: new Set(), lines: new Map() };
  const known = (process as unknown as Record<symbol, Isolate | undefined>)[KEY];
  if (known === undefined) Reflect.defineProperty(process, KEY, { value });
  return known ?? value;
}
