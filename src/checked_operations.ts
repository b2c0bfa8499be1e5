import type { Attachment } from "./attachment.ts";
import { checkCheaply, checkRun } from "./diagnostics/invariants.ts";
import type { Fate, Hooks } from "./allocator/hooks.ts";
import { FREES, NONE } from "./region/layout.ts";
import type { LeakInfo } from "./checked/leaks.ts";
import { Operations } from "./operations.ts";
import { NOT_ALLOCATED } from "./allocator/resize.ts";
import { callersStack } from "./checked/call_stack.ts";
import type { Tracker } from "./checked/tracker.ts";

/** The operations of a checked pool: as of any, and what they do is watched. */
export class CheckedOperations extends Operations {
  readonly #attachment: Attachment;
  readonly #tracker: Tracker;

  constructor(attachment: Attachment, tracker: Tracker) {
    super(attachment);
    this.#attachment = attachment;
    this.#tracker = tracker;
  }

  override begin(): this {
    checkCheaply(this.#attachment.region);
    this.#tracker.retry(this.#attachment.allocator);
    return this;
  }

  override freeMany(blocks: readonly object[]): void {
    const { addressing } = this.#attachment;
    this.#freeAll(blocks.map((block) => addressing.ofBuffer("free", block)), blocks);
  }

  override reap(): number {
    const { allocator, region: { counters } } = this.#attachment;
    const hooks = this.hooks();
    const leaves = (block: number, fate: Fate): boolean => {
      if (hooks.leaves(block, fate)) return true;
      allocator.adopt("reap", block); // this worker gives it back later
      counters[FREES]!++;
      return false;
    };
    return allocator.reap({ ...hooks, leaves });
  }

  override leaks(): LeakInfo[] {
    return this.#attachment.listLeaks();
  }

  protected override hooks(): Hooks {
    return this.#hooksFor([]);
  }

  protected override bufferOver(number: number, numBytes: number): ArrayBuffer {
    const mine = this.#tracker.bufferOver(number, numBytes);
    if (mine !== undefined) return mine;
    const buffer = super.bufferOver(number, numBytes);
    this.#tracker.track(buffer, number);
    return buffer;
  }

  protected override freeBlock(number: number, name: unknown): void {
    this.#freeAll([number], [name]);
  }

  protected override resize(number: number, numBytes: number, name: unknown): number {
    const { addressing, allocator, lock, region } = this.#attachment;
    if (!addressing.isAllocated("reallocate", number)) return NOT_ALLOCATED;
    checkRun(region, lock, number);
    return allocator.resize(number, numBytes, this.#hooksFor([name]));
  }

  /** All or none, in one step for other workers: of several that free one block, one succeeds. */
  #freeAll(numbers: readonly number[], names: readonly unknown[]): void {
    const { addressing, allocator, lock, region } = this.#attachment;
    let refused = numbers.indexOf(NONE);
    if (refused === NONE) {
      for (const number of numbers) checkRun(region, lock, number);
      refused = allocator.freeMany(numbers, this.#hooksFor(names));
    }
    if (refused !== NONE) addressing.refuseFree(numbers[refused]!, names[refused]);
  }

  /** For a call that named blocks so, at the present stack. */
  #hooksFor(names: readonly unknown[]): Hooks {
    const tracker = this.#tracker;
    const stack = callersStack();
    return {
      allocated: (block) => tracker.allocated(block, stack),
      isNamed: (block, place) => tracker.isNamed(block, names[place]),
      leaves: (block, fate) => {
        // What has moved already, or is freed, is freed in any case. Otherwise it stays where it is if it must.
        if ((fate === "shrinks" || fate === "slides") && !tracker.vacate(block)) return false;
        return fate === "shrinks" || tracker.leaves(block, stack);
      },
      resized: (block) => tracker.resized(block, stack),
    };
  }
}
