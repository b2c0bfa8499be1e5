/**
 * How much the long tests try: little in every test run, so that it takes seconds, and much in `deno task soak` and
 * `bun run soak`. The tests are the same, only their numbers differ.
 */

import process from "node:process";

/** The environment variable that the soak task sets for its tests. */
export const EFFORT = "MEMPOOL_EFFORT";

export const soaking = isSoak(process.env[EFFORT]);

/** Returns the number of rounds, histories or operations for this run. */
export function effort(normal: number, soak: number): number {
  return soaking ? soak : normal;
}

/** Prints figures in a soak. Other runs print only whether the tests pass. */
export function tell(figures: string): void {
  if (soaking) console.log(figures);
}

function isSoak(said: string | undefined): boolean {
  if (said !== undefined && said !== "normal" && said !== "soak") {
    throw new Error(`${EFFORT} must be normal or soak, got ${said}`);
  }
  return said === "soak";
}
