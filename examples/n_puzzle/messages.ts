import type { StoreName } from "./options.ts";

/** The job of a process that runs one store: JSON in its only argument. */
export interface Job {
  readonly store: StoreName;
  readonly size: number;
  readonly tiles: readonly number[];
  readonly memory: number;
  /** With more than one, the search is parallel. */
  readonly workers: number;
  /**
   * Whether to serve a page that shows the pool. If so, the process waits for a line of input before and after the
   * search.
   */
  readonly inspect?: boolean;
}

/**
 * What the process writes to its standard output, one object a line: the page if there is one, progress, the answer.
 */
export type Message = { readonly page: string } | { readonly progress: Status } | Answer;

export type Answer = { readonly result: Result } | { readonly full: Exhaustion } | { readonly error: string };

export interface Status {
  readonly allocations: number;
  readonly bound: number;
  readonly milliseconds: number;
  /** Resident memory. */
  readonly bytes: number;
}

export interface Solution {
  readonly moves: number;
  /** The boards from the start to the goal. */
  readonly path: readonly (readonly number[])[];
  readonly expanded: number;
  /** The number of states allocated. */
  readonly allocations: number;
}

/** The line that `--json` prints. `workers` is there if the command line gives it. */
export interface Result extends Solution {
  readonly store: StoreName;
  readonly milliseconds: number;
  /** The peak resident memory of the process that ran the store. */
  readonly peakBytes: number;
  readonly workers?: number;
}

/** How far a search came before the pool had no room for another state. */
export interface Exhaustion {
  readonly memory: number;
  readonly allocations: number;
  readonly bound: number;
  /** The value of `allocations` when each bound was reached. */
  readonly boundReached: readonly number[];
}
