import { NEXT, NONE, type Records } from "./records.ts";

/** Above every f. */
export const NO_LIMIT = 2 ** 31 - 1;

/**
 * The frontier: one stack of states for each f, linked through the records themselves. Within one f the newest comes
 * first: it tends to be the deepest, and what was just touched is still in the cache.
 */
export class BucketQueue {
  /** The top of each f's stack. */
  #tops = new Int32Array(256).fill(NONE);
  /**
   * No stack below this one has a state. With a consistent heuristic f never falls, but for states that come from
   * other workers of a parallel search.
   */
  #lowest = 0;
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  push(ref: number, f: number): void {
    if (f >= this.#tops.length) this.#grow(f);
    this.#records.set(ref, NEXT, this.#tops[f]!);
    this.#tops[f] = ref;
    if (f < this.#lowest) this.#lowest = f;
  }

  /** Takes the newest state of the lowest f, or NONE when no state has an f below `limit`. */
  pop(limit: number): number {
    const f = this.lowest(limit);
    if (f === limit) return NONE;
    const ref = this.#tops[f]!;
    this.#tops[f] = this.#records.get(ref, NEXT);
    return ref;
  }

  /** The lowest f that a state has, or `limit` when there is none below. */
  lowest(limit: number): number {
    const tops = this.#tops;
    const end = limit < tops.length ? limit : tops.length;
    while (this.#lowest < end && tops[this.#lowest] === NONE) this.#lowest++;
    return this.#lowest < end ? this.#lowest : limit;
  }

  #grow(f: number): void {
    const tops = new Int32Array(2 * f).fill(NONE);
    tops.set(this.#tops);
    this.#tops = tops;
  }
}
