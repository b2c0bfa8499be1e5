import { NEXT, NONE, type Records } from "./records.ts";

/**
 * The frontier: one stack of states for each f, linked through the records themselves. Within one f the newest comes
 * first: it tends to be the deepest, and what was just touched is still in the cache.
 */
export class BucketQueue {
  /** The top of each f's stack. */
  #tops = new Int32Array(256).fill(NONE);
  /** No stack below this one has a state: f never falls, because the heuristic is consistent. */
  #lowest = 0;
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  push(ref: number, f: number): void {
    if (f >= this.#tops.length) this.#grow(f);
    this.#records.set(ref, NEXT, this.#tops[f]!);
    this.#tops[f] = ref;
  }

  pop(): number {
    const tops = this.#tops;
    while (this.#lowest < tops.length) {
      const ref = tops[this.#lowest]!;
      if (ref !== NONE) {
        tops[this.#lowest] = this.#records.get(ref, NEXT);
        return ref;
      }
      this.#lowest++;
    }
    return NONE;
  }

  #grow(f: number): void {
    const tops = new Int32Array(2 * f).fill(NONE);
    tops.set(this.#tops);
    this.#tops = tops;
  }
}
