/** As many arguments as fill 16 KiB of stack. */
const FILLER: unknown[] = Array.from({ length: 2048 }, () => 0);

function nothing(): void {}

/**
 * Throws the engine's own RangeError now, unless there is enough stack for a call that must not run out of it halfway. Costs
 * one to two microseconds, so it is for calls that are slow anyway.
 */
export function reserveStack(): void {
  nothing.apply(undefined, FILLER as []);
}
