import type { Exhaustion, Job } from "./messages.ts";
import { largestPool } from "./pool_size.ts";
import { showCount, writeByteSize } from "./units.ts";

/** The assumed growth of the states from one bound to the next, as long as the search has not shown it. */
const USUAL_GROWTH = 6;
/** How many bounds after the one that filled the pool the proposed size should hold. */
const BOUNDS_AHEAD = 2;

/** Estimates which size would be enough, and gives the command that uses it. */
export function explainExhaustion(job: Job, exhaustion: Exhaustion, command: string): string {
  const { memory, allocations, bound } = exhaustion;
  const story = `The pool of ${writeByteSize(memory)} is full after ${showCount(allocations)} states; ` +
    `the solution has at least ${bound} moves.`;
  const largest = largestPool(job.tiles.length);
  if (memory >= largest) return `${story} On this runtime the pool cannot be larger.`;
  const proposed = proposeSize(exhaustion);
  const size = writeByteSize(Math.min(proposed, largest));
  const advice = proposed <= largest
    ? `From how the search grew, ${size} should be enough`
    : `From how the search grew, it may need more than ${size}, the largest pool on this runtime`;
  const puzzle = job.tiles.join(" ");
  const workers = job.workers > 1 ? ` --workers ${job.workers}` : "";
  return `${story} ${advice} (a pool takes memory only as it is used):\n` +
    `  ${command} --store ${job.store}${workers} --memory ${size} --puzzle "${puzzle}"`;
}

/**
 * Each bound takes a multiple of the states of the previous one. The number of bounds to come is unknown until there is
 * a solution, so this is a guess: a power of two, and at least twice the size that was too small.
 */
export function proposeSize({ memory, allocations, boundReached }: Exhaustion): number {
  const [before, last] = boundReached.slice(-2);
  const known = before !== undefined && last !== undefined && before > 1000;
  const growth = known ? Math.min(Math.max(last / before, 2), USUAL_GROWTH) : USUAL_GROWTH;
  const expected = (boundReached.at(-1) ?? 1) * growth ** (1 + BOUNDS_AHEAD);
  const bytes = Math.max(2 * memory, memory * expected / allocations);
  return 2 ** Math.ceil(Math.log2(bytes));
}
