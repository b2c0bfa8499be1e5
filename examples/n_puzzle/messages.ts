import type { StoreName } from "./options.ts";

/** What the process that runs one store is told, as JSON in its only argument. */
export interface Job {
  readonly store: StoreName;
  readonly size: number;
  readonly tiles: readonly number[];
  readonly memory: number;
  /** Above 1, the search is a parallel one. */
  readonly workers: number;
  /** Whether to serve a page that shows the pool. Then it waits for a line of its input before and after the search. */
  readonly inspect?: boolean;
}

/** What it says on its standard output: one object a line, the page if there is one, progress, and last an answer. */
export type Message = { readonly page: string } | { readonly progress: Status } | Answer;

export type Answer = { readonly result: Result } | { readonly full: Exhaustion } | { readonly error: string };

export interface Status {
  readonly allocations: number;
  readonly bound: number;
  readonly milliseconds: number;
  /** Resident now. */
  readonly bytes: number;
}

export interface Solution {
  readonly moves: number;
  /** The boards from the start to the goal. */
  readonly path: readonly (readonly number[])[];
  readonly expanded: number;
  /** States allocated. */
  readonly allocations: number;
}

/** The line that `--json` prints; `workers` where the command line names them. */
export interface Result extends Solution {
  readonly store: StoreName;
  readonly milliseconds: number;
  /** Peak resident memory of the process that ran the store. */
  readonly peakBytes: number;
  readonly workers?: number;
}

/** How far a search came before the pool had no room for one more state. */
export interface Exhaustion {
  readonly memory: number;
  readonly allocations: number;
  readonly bound: number;
  /** What `allocations` was when each bound was reached. */
  readonly boundReached: readonly number[];
}
