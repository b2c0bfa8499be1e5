import type { MemPoolHandle } from "../../../mod.ts";
import type { RingLayout } from "./rings.ts";

/** What a worker is told. */
export interface PartJob {
  readonly pool: MemPoolHandle;
  /** The buffer of the `Control`. */
  readonly control: SharedArrayBuffer;
  readonly rings: RingLayout;
  readonly workers: number;
  readonly worker: number;
  readonly size: number;
  readonly tiles: Uint8Array;
}

/** What it says: that it listens, and then one answer to each job. */
export type PartMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly report: PartReport }
  /** It could not go on: the pool is full. */
  | { readonly kind: "full"; readonly report: PartReport }
  /** It could not even begin: there is no room for its table. */
  | { readonly kind: "full" }
  | { readonly kind: "error"; readonly error: string };

export interface PartReport {
  /** Reference of the state of the shortest solution that this worker found, or NONE. */
  readonly goal: number;
  readonly expanded: number;
  readonly allocations: number;
  readonly released: number;
  /** As in `Progress`. */
  readonly boundReached: readonly number[];
  /** The lowest f of all states that it has not expanded; of use where the search was stopped. */
  readonly lowestOpen: number;
}
