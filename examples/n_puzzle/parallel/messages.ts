import type { MemPoolHandle } from "../../../mod.ts";

/** The job of one worker. */
export interface PartJob {
  readonly pool: MemPoolHandle;
  /** The buffer of the `Control`. */
  readonly control: SharedArrayBuffer;
  /** The offset of the array of the rings in the pool. */
  readonly rings: number;
  readonly workers: number;
  readonly worker: number;
  readonly size: number;
  readonly tiles: Uint8Array;
}

/** A worker's messages: first that it listens, then one answer to each job. */
export type PartMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly report: PartReport }
  /** The pool became full. */
  | { readonly kind: "full"; readonly report: PartReport }
  /** The pool had no room for the table, so the worker could not begin. */
  | { readonly kind: "full" }
  | { readonly kind: "error"; readonly error: string };

export interface PartReport {
  /** The last state of the shortest solution that this worker found, or NONE. */
  readonly goal: number;
  readonly expanded: number;
  readonly allocations: number;
  readonly released: number;
  /** As in `Progress`. */
  readonly boundReached: readonly number[];
  /** The lowest f of the states that this worker has not expanded. Used if the search was stopped. */
  readonly lowestOpen: number;
}
