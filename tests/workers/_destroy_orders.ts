/** The messages between the program of the destroy tests (_destroy_program.ts), its workers, and the test. */

import type { MemPoolHandle } from "mempool";
import type { Footprint } from "../support/footprint.ts";

/** What a worker does while another one destroys the pool. */
export const ROLES = ["single blocks", "runs", "many", "look", "hold the lock", "read"] as const;
export type Role = typeof ROLES[number];

export interface DestroyOrder {
  readonly handle: MemPoolHandle;
  readonly role: Role;
  readonly seed: number;
  /** Whether this worker destroys the pool after some calls. */
  readonly destroys: boolean;
  /** The workers meet at word 0 (see tests/support/meet.ts) before they start. */
  readonly words: SharedArrayBuffer;
  /** How many workers meet. */
  readonly awaited: number;
}

export interface DestroyReport {
  /** How many calls succeeded before the pool was destroyed. */
  readonly calls: number;
  /** Errors other than "destroyed", and calls that succeeded on the destroyed pool. */
  readonly wrong: readonly string[];
}

/** What the program prints. */
export interface Outcome {
  readonly rounds: number;
  readonly calls: number;
  readonly wrong: readonly string[];
  readonly before: Footprint | undefined;
  readonly after: Footprint | undefined;
}
