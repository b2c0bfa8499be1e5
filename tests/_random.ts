/** Random tests: what they try differs from run to run, and what failed can be tried again. */

import fc from "fast-check";

/**
 * A failed property reports `{ seed: …, path: "…" }`. Put that here to see the same again, and again until it passes;
 * then take it out.
 */
const REPLAY: { readonly seed?: number; readonly path?: string } = {};

/** Tries a property on `numRuns` random values. */
export function forAll<T>(numRuns: number, value: fc.Arbitrary<T>, property: (value: T) => void): void {
  fc.assert(fc.property(value, property), { numRuns, includeErrorInReport: true, ...REPLAY });
}
