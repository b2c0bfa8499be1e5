/**
 * How much the concurrency tests try: a few seconds in every test run, as long as it takes in `deno task soak` and
 * `bun run soak`. The same tests, other numbers.
 */

import process from "node:process";

/** The environment variable by which the soak task tells its tests. */
export const EFFORT = "MEMPOOL_EFFORT";

export const soaking = isSoak(process.env[EFFORT]);

/** The number for this run: of rounds, histories, operations. */
export function effort(normal: number, soak: number): number {
  return soaking ? soak : normal;
}

/** Prints what a soak measured. Other runs only pass or fail. */
export function tell(figures: string): void {
  if (soaking) console.log(figures);
}

function isSoak(said: string | undefined): boolean {
  if (said !== undefined && said !== "normal" && said !== "soak") {
    throw new Error(`${EFFORT} must be normal or soak, got ${said}`);
  }
  return said === "soak";
}
