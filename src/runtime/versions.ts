import { MemPoolError } from "../base/errors.ts";

/**
 * The oldest versions that work, as `engines` in package.json has them. Deno's compiler fails now and then at foreign
 * calls before; Bun copies transferred buffers of native memory before, or crashes.
 */
export const OLDEST = { Deno: "2.5.0", Bun: "1.4.0" } as const;

/** Refuses an older version of this runtime: what fails there would fail later, and less clearly. */
export function requireVersion(runtime: keyof typeof OLDEST, version: string): void {
  if (compare(version, OLDEST[runtime]) >= 0) return;
  throw new MemPoolError(
    "unsupported",
    `Cannot load the native library: ${runtime} ${version} is too old, the oldest that works is ${OLDEST[runtime]}`,
  );
}

/** By major, minor and patch version. What follows them names a build, as in 2.9.6+3b0a1f2. */
function compare(one: string, other: string): number {
  const [left, right] = [numbersIn(one), numbersIn(other)];
  const differing = left.findIndex((number, index) => number !== right[index]);
  return differing < 0 ? 0 : left[differing]! - right[differing]!;
}

function numbersIn(version: string): number[] {
  return (/^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [0, 0, 0, 0]).slice(1).map(Number);
}
