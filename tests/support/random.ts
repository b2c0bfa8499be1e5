/** Random tests: what they try differs from run to run, and what failed can be tried again. */

import fc from "fast-check";

/**
 * A failed property reports `{ seed: …, path: "…" }`, and `withSeed` a seed. Put that here to see the same again, and
 * again until it passes; then take it out.
 */
const REPLAY: { readonly seed?: number; readonly path?: string } = {};

/** Tries a property on `numRuns` random values. */
export function forAll<T>(numRuns: number, value: fc.Arbitrary<T>, property: (value: T) => void): void {
  fc.assert(fc.property(value, property), { numRuns, includeErrorInReport: true, ...REPLAY });
}

/**
 * Lets `use` have a seed for what fast-check does not draw, and tells it with any failure: REPLAY's if there is one. Where
 * several threads take part, the same seed draws the same operations, but not the same moments.
 */
export async function withSeed(use: (seed: number) => Promise<void>): Promise<void> {
  const seed = REPLAY.seed ?? Math.floor(Math.random() * 2 ** 30);
  try {
    await use(seed);
  } catch (error) {
    throw new Error(`With seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
