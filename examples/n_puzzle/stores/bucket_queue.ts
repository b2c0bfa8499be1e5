/** Higher than every f. */
export const NO_LIMIT = 2 ** 31 - 1;

/** Numbered stacks of states. All of them are empty at first. */
export interface Stacks<S> {
  isEmpty(stack: number): boolean;
  push(stack: number, state: S): void;
  /** The stack must not be empty. */
  pop(stack: number): S;
}

/**
 * The frontier: a stack for each pair of f and h. `pop` takes the lowest f first, and among these the lowest h, which
 * is nearest to the goal. This matters for the last f, at which any state may lead to the goal: few others are expanded
 * (Asai and Fukunaga, "Tie-breaking strategies for cost-optimal best first search", JAIR 58, 2017). Among equals the
 * newest state comes first, because it is most likely to be in the processor's cache.
 */
export class BucketQueue<S> {
  /** All stacks before that of this f and h are empty. f decreases only when another worker sends a state. */
  #f = 0;
  #h = 0;
  /** Higher than every f that was pushed. */
  #end = 0;
  readonly #none: S;
  readonly #stacks: Stacks<S>;

  /** @param none The result of `pop` when there is no state. */
  constructor(none: S, stacks: Stacks<S>) {
    this.#none = none;
    this.#stacks = stacks;
  }

  push(state: S, f: number, h: number): void {
    this.#stacks.push(stackOf(f, h), state);
    if (f >= this.#end) this.#end = f + 1;
    if (f > this.#f || (f === this.#f && h >= this.#h)) return;
    this.#f = f;
    this.#h = h;
  }

  /** Takes the newest state of the lowest h of the lowest f, if that f is below `limit`. */
  pop(limit: number): S {
    return this.lowest(limit) < limit ? this.#stacks.pop(stackOf(this.#f, this.#h)) : this.#none;
  }

  /** The lowest f of all states, or `limit` if there is none below it. */
  lowest(limit: number): number {
    const end = Math.min(limit, this.#end);
    for (; this.#f < end; this.#f++, this.#h = 0) {
      for (; this.#h <= this.#f; this.#h++) {
        if (!this.#stacks.isEmpty(stackOf(this.#f, this.#h))) return this.#f;
      }
    }
    return limit;
  }
}

/** h is at most f, so the stacks of one f follow those of the next lower f. */
function stackOf(f: number, h: number): number {
  return f * (f + 1) / 2 + h;
}
