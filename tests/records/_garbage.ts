/** References and indexes that are wrong in every way. */

/** Numbers, whole and not, and values of other types. Conversions of the last ones throw, or return something else. */
export const GARBAGE: readonly unknown[] = [
  ...[-1, -2, -0, 0.5, -0.5, 1.5, NaN, Infinity, -Infinity, 1e300, -1e300, 5e-324],
  ...[2 ** 16, 2 ** 20, 2 ** 27, 2 ** 28 - 1, 2 ** 28, 2 ** 29, 2 ** 30, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32],
  ...[2 ** 32 - 1, 2 ** 32 + 5, 2 ** 33, 2 ** 40, 2 ** 47, 2 ** 53, -(2 ** 53), 2 ** 53 - 1, 2 ** 63, 2 ** 64],
  ...[undefined, null, true, false, "", "0", "5", "x", "length", "__proto__", "1e9", [], [5], {}, () => 5, new Date(5)],
  ...[{ valueOf: () => 2 ** 40 }, { valueOf: () => -7 }, { toString: () => "buffer" }],
];

/** What may throw a TypeError, because the engine converts no such value to a number. */
export const UNCONVERTIBLE: readonly unknown[] = [1n, -1n, 2n ** 64n, Symbol("s"), Object.create(null)];
