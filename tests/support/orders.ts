/** The messages between a test and its pool workers (pool_worker.ts). */

import type { MemPoolHandle } from "mempool";

/**
 * A block that one worker hands to another: as an offset, or as the buffer itself. `mark` filled it with the cookie.
 */
export interface Parcel {
  readonly where: number | ArrayBuffer;
  readonly cookie: number;
}

export type Order =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  | { readonly ask: "close" | "destroy" | "hold" | "leave" | "stats" }
  | { readonly ask: "produce"; readonly count: number; readonly seed: number; readonly as: "offset" | "buffer" }
  | { readonly ask: "consume"; readonly parcels: readonly Parcel[] }
  | { readonly ask: "churn"; readonly steps: number; readonly seed: number; readonly flags: SharedArrayBuffer }
  | {
    readonly ask: "race";
    readonly offsets: readonly number[];
    readonly by: RaceKind;
    readonly flags: SharedArrayBuffer;
  }
  | { readonly ask: "race to alloc"; readonly rounds: number; readonly flags: SharedArrayBuffer };

/** What the racers call for a block: one of three ways to free it, or `at`. */
export type RaceKind = "freeOffset" | "free" | "freeMany" | "at";

/** How a worker's operations ended: with "done", or with the error that refused one. */
export interface Ending {
  readonly code: string;
  readonly message: string;
  readonly steps: number;
}

/** Words of `flags`: not 0 to stop a churn; the number of steps of all workers; the arrivals of racers. */
export const STOP = 0;
export const PROGRESS = 1;
export const ARRIVALS = 2;
export const FLAGS_BYTES = 12;
