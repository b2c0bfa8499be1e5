/** What a test and its workers say to each other about the pool they share. */

import type { MemPoolHandle } from "mempool";

/** A block on its way from one worker to another: as an offset, or as the buffer itself. */
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

/** How the racers free: one offset, a buffer of their own, or many at once. Or they only look at the block. */
export type RaceKind = "freeOffset" | "free" | "freeMany" | "at";

/** What became of a call that may be refused. */
export interface Ending {
  readonly code: string;
  readonly message: string;
  readonly steps: number;
}

/** Words of `flags`: set to stop a churn; steps done by all; arrivals of racers. */
export const STOP = 0;
export const PROGRESS = 1;
export const ARRIVALS = 2;
export const FLAGS_BYTES = 12;
