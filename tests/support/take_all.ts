/** Pools emptied by tests. Without imports: programs that run in a copy of the project take it along. */

/** What `take` gives until it says that the pool is exhausted: by null, or by -1 in the offset tier. */
export function* takeAll<T extends ArrayBuffer | number>(take: () => T | null): Generator<T> {
  for (let taken = take(); taken !== null && taken !== -1; taken = take()) yield taken;
}
