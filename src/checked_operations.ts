import type { Attachment } from "./attachment.ts";
import { checkCheaply, checkRun } from "./diagnostics/invariants.ts";
import type { Fate, Guard } from "./allocator/hooks.ts";
import { FREES, NONE } from "./region/layout.ts";
import type { LeakInfo } from "./checked/leaks.ts";
import { Operations } from "./operations.ts";
import { NOT_ALLOCATED } from "./allocator/resize.ts";
import { callersStack } from "./checked/call_stack.ts";
import type { Watch } from "./checked/tracker.ts";

/** The operations of a checked pool: as of any, and what they do is watched. */
export class CheckedOperations extends Operations {
  readonly #attachment: Attachment;
  readonly #watch: Watch;

  constructor(attachment: Attachment, watch: Watch) {
    super(attachment);
    this.#attachment = attachment;
    this.#watch = watch;
  }

  override begin(): this {
    checkCheaply(this.#attachment.views);
    this.#watch.retry(this.#attachment.blocks);
    return this;
  }

  override freeMany(blocks: readonly object[]): void {
    const { addressing } = this.#attachment;
    this.#freeAll(blocks.map((block) => addressing.ofBuffer("free", block)), blocks);
  }

  override reap(): number {
    const { blocks, views: { counters } } = this.#attachment;
    const guard = this.guard();
    const leaves = (block: number, fate: Fate): boolean => {
      if (guard.leaves(block, fate)) return true;
      blocks.adopt("reap", block); // this worker gives it back later
      counters[FREES]!++;
      return false;
    };
    return blocks.reap({ ...guard, leaves });
  }

  override leaks(): LeakInfo[] {
    return this.#attachment.listLeaks();
  }

  protected override guard(): Guard {
    return this.#guardFor([]);
  }

  protected override bufferOver(number: number, numBytes: number): ArrayBuffer {
    const mine = this.#watch.bufferOver(number, numBytes);
    if (mine !== undefined) return mine;
    const buffer = super.bufferOver(number, numBytes);
    this.#watch.track(buffer, number);
    return buffer;
  }

  protected override release(number: number, name: unknown): void {
    this.#freeAll([number], [name]);
  }

  protected override resize(number: number, numBytes: number, name: unknown): number {
    const { addressing, blocks, lock, views } = this.#attachment;
    if (!addressing.isAllocated("reallocate", number)) return NOT_ALLOCATED;
    checkRun(views, lock, number);
    return blocks.resize(number, numBytes, this.#guardFor([name]));
  }

  /** All or none, in one step for other workers: of several that free one block, one succeeds. */
  #freeAll(numbers: readonly number[], names: readonly unknown[]): void {
    const { addressing, blocks, lock, views } = this.#attachment;
    let refused = numbers.indexOf(NONE);
    if (refused === NONE) {
      for (const number of numbers) checkRun(views, lock, number);
      refused = blocks.freeMany(numbers, this.#guardFor(names));
    }
    if (refused !== NONE) addressing.refuseFree(numbers[refused]!, names[refused]);
  }

  /** For a call that named blocks so, at the present stack. */
  #guardFor(names: readonly unknown[]): Guard {
    const watch = this.#watch;
    const stack = callersStack();
    return {
      allocated: (block) => watch.allocated(block, stack),
      isNamed: (block, place) => watch.isNamed(block, names[place]),
      leaves: (block, fate) => {
        // What has moved already, or is freed, is freed in any case. Otherwise it stays where it is if it must.
        if ((fate === "shrinks" || fate === "slides") && !watch.vacate(block)) return false;
        return fate === "shrinks" || watch.leaves(block, stack);
      },
      resized: (block) => watch.resized(block, stack),
    };
  }
}
