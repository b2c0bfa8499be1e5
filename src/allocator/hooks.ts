/**
 * What happens to a run: it becomes free, its end becomes free because it shrinks, its contents have moved to another
 * run, or they are about to slide to an overlapping place.
 */
export type Fate = "freed" | "shrinks" | "moved" | "slides";

/** What a checked pool does when runs are handed out, change, and are freed. Called while the lock is held. */
export interface Hooks {
  /** The run was just handed out. */
  allocated(block: number): void;
  /** Whether the caller meant the present allocation of the block; `place` is the argument's place in the call. */
  isNamed(block: number, place: number): boolean;
  /** Whether the run, or its end if it shrinks, may become free. Otherwise it stays allocated. */
  leaves(block: number, fate: Fate): boolean;
  /** The run holds another number of bytes, in the same place. */
  resized(block: number): void;
}

/** The hooks of an unchecked pool, which do nothing. */
export const NO_HOOKS: Hooks = { allocated: () => {}, isNamed: () => true, leaves: () => true, resized: () => {} };
