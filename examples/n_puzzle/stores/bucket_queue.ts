/** Above every f. */
export const NO_LIMIT = 2 ** 31 - 1;

/** Stacks of states, by number; all are empty at first. */
export interface Stacks<S> {
  isEmpty(stack: number): boolean;
  push(stack: number, state: S): void;
  /** Only where the stack is not empty. */
  pop(stack: number): S;
}

/**
 * The frontier: a stack for each f and h. Of the lowest f the lowest h comes first, which is nearest to the goal: in the
 * last f, where any state may lead to it, few are expanded that do not (Asai and Fukunaga, "Tie-breaking strategies for
 * cost-optimal best first search", JAIR 58, 2017). Of these the newest comes first: what was just touched is still in the
 * cache.
 */
export class BucketQueue<S> {
  /** No stack before that of this f and h has a state. f falls only where states come from elsewhere. */
  #f = 0;
  #h = 0;
  /** Above every f that was pushed. */
  #end = 0;
  readonly #none: S;
  readonly #stacks: Stacks<S>;

  /** @param none What `pop` returns when there is no state. */
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

  /** Takes the newest state of the lowest h of the lowest f, when that is below `limit`. */
  pop(limit: number): S {
    return this.lowest(limit) < limit ? this.#stacks.pop(stackOf(this.#f, this.#h)) : this.#none;
  }

  /** The lowest f that a state has, or `limit` when there is none below. */
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

/** h is at most f, so that the stacks of one f lie behind those of the f below. */
function stackOf(f: number, h: number): number {
  return f * (f + 1) / 2 + h;
}
