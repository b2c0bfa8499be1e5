import type { Stacks } from "./bucket_queue.ts";

/** Stacks of objects: a plain array for each. */
export class ArrayStacks<S> implements Stacks<S> {
  readonly #stacks: S[][] = [];

  isEmpty(stack: number): boolean {
    return (this.#stacks[stack]?.length ?? 0) === 0;
  }

  push(stack: number, state: S): void {
    (this.#stacks[stack] ??= []).push(state);
  }

  pop(stack: number): S {
    return this.#stacks[stack]!.pop()!;
  }
}
