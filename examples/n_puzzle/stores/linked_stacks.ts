import type { Stacks } from "./bucket_queue.ts";
import { NONE, type StateRecords } from "./records.ts";

/** Enough for an f of 89. */
const FIRST_STACKS = 4096;

/** Stacks whose links are fields of the records. */
export class LinkedStacks implements Stacks<number> {
  /** The top of each stack. */
  #tops = new Int32Array(FIRST_STACKS).fill(NONE);
  readonly #states: StateRecords;

  constructor(states: StateRecords) {
    this.#states = states;
  }

  isEmpty(stack: number): boolean {
    return stack >= this.#tops.length || this.#tops[stack] === NONE;
  }

  push(stack: number, ref: number): void {
    if (stack >= this.#tops.length) this.#grow(stack);
    this.#states.set.link(ref, this.#tops[stack]!);
    this.#tops[stack] = ref;
  }

  pop(stack: number): number {
    const ref = this.#tops[stack]!;
    this.#tops[stack] = this.#states.get.link(ref);
    return ref;
  }

  #grow(stack: number): void {
    const tops = new Int32Array(2 * stack).fill(NONE);
    tops.set(this.#tops);
    this.#tops = tops;
  }
}
