/** Random numbers that depend only on a seed, on every runtime. Workers use them. */

/** Returns the next number of a sequence: a whole number from 0 to below `below`, which is at most 2^32. */
export type Draw = (below: number) => number;

/** The generator is mulberry32. */
export function sequenceFrom(seed: number): Draw {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
