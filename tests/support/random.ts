/** Random tests. Their inputs differ from run to run, and a failed run can be repeated. */

import fc from "fast-check";

/**
 * A failed property reports `{ seed: …, path: "…" }`, and `withSeed` reports a seed. Put that here to repeat the
 * failure, and remove it once the test passes.
 */
const REPLAY: { readonly seed?: number; readonly path?: string } = {};

/** Tests a property with `numRuns` random values. */
export function forAll<T>(numRuns: number, value: fc.Arbitrary<T>, property: (value: T) => void): void {
  fc.assert(fc.property(value, property), { numRuns, includeErrorInReport: true, ...REPLAY });
}

/**
 * Calls `use` with a random seed, or with REPLAY's. The message of a failure names the seed. If several threads take
 * part, the same seed draws the same operations, but their timing differs.
 */
export async function withSeed(use: (seed: number) => Promise<void>): Promise<void> {
  const seed = REPLAY.seed ?? Math.floor(Math.random() * 2 ** 30);
  try {
    await use(seed);
  } catch (error) {
    throw new Error(`With seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
