/** What the program of the destroy races and its workers say to each other. */

import type { MemPoolHandle } from "mempool";

/** What a worker does while another ends the pool. */
export const ROLES = ["single blocks", "runs", "many", "look", "hold the lock", "read"] as const;
export type Role = typeof ROLES[number];

export interface DestroyOrder {
  readonly handle: MemPoolHandle;
  readonly role: Role;
  readonly seed: number;
  /** Whether this worker is the one that destroys the pool, after some calls. */
  readonly destroys: boolean;
  /** For `meet`, at word 0, which so many come to. */
  readonly words: SharedArrayBuffer;
  readonly awaited: number;
}

export interface DestroyReport {
  /** Calls that succeeded before the pool was destroyed. */
  readonly calls: number;
  /** Whatever was not "destroyed", or came where "destroyed" was due. */
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

/** What the process has of the system, where that can be known. Sizes in bytes. */
export interface Footprint {
  readonly mappings: number;
  readonly descriptors: number;
  readonly addressSpace: number;
  readonly memory: number;
}
