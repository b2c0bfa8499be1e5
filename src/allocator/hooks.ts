/**
 * What becomes of a run: it is made free, its end is when it shrinks, or its contents have moved elsewhere, or are about to
 * slide to where they overlap it.
 */
export type Fate = "freed" | "shrinks" | "moved" | "slides";

/** What a checked pool has to say where runs are handed out, change, and are freed. Called with the lock held. */
export interface Hooks {
  /** The run was just handed out. */
  allocated(block: number): void;
  /** Whether the caller meant the allocation that the block has now, at this place of what it named. */
  isNamed(block: number, place: number): boolean;
  /** Says whether the run, or its end if it shrinks, may be made free; otherwise it stays allocated. */
  leaves(block: number, fate: Fate): boolean;
  /** The run holds another number of bytes, where it lies. */
  resized(block: number): void;
}

/** Of a pool that is not checked. */
export const NO_HOOKS: Hooks = { allocated: () => {}, isNamed: () => true, leaves: () => true, resized: () => {} };
