/** Exhausts pools. This file imports nothing, because programs that run in a copy of the project use it too. */

/** Yields what `take` returns until the pool is exhausted: until null, or -1 in the offset tier. */
export function* takeAll<T extends ArrayBuffer | number>(take: () => T | null): Generator<T> {
  for (let taken = take(); taken !== null && taken !== -1; taken = take()) yield taken;
}
