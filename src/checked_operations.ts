import type { Attachment } from "./attachment.ts";
import { checkCheaply, checkRun } from "./check.ts";
import { FREES, NONE } from "./layout.ts";
import type { LeakInfo } from "./leaks.ts";
import { Operations } from "./operations.ts";
import { type Fate, NOT_ALLOCATED } from "./resizer.ts";
import { callersStack } from "./stack.ts";
import type { Watch } from "./watch.ts";

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
    const stack = callersStack();
    return blocks.reap((block) => {
      if (this.#watch.leaves(block, stack)) return true;
      blocks.adopt(block); // this worker gives it back later
      counters[FREES]!++;
      return false;
    });
  }

  override leaks(): LeakInfo[] {
    return this.#attachment.listLeaks();
  }

  protected override handOut(number: number, numBytes: number): ArrayBuffer | null {
    if (number !== NONE) this.#watch.allocated(number);
    return super.handOut(number, numBytes);
  }

  protected override handOutOffset(number: number): number {
    if (number !== NONE) this.#watch.allocated(number);
    return super.handOutOffset(number);
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
    if (!addressing.isAllocated(number)) return NOT_ALLOCATED;
    checkRun(views, lock, number);
    const before = views.table.requested(number);
    const stack = callersStack();
    let isLost = false;
    const target = blocks.resize(number, numBytes, (block, fate) => {
      isLost = !this.#watch.isNamed(block, name);
      return !isLost && this.#leaves(block, fate, stack);
    });
    if (target === number && numBytes !== before) this.#watch.resized(number, stack);
    if (target === number || target < 0) return target;
    this.#watch.allocated(target, stack);
    if (!isLost) return target;
    // Another worker has freed the block, by mistake, while its contents were copied.
    blocks.giveBack(target);
    return NOT_ALLOCATED;
  }

  /** All or none, in one step for other workers: of several that free one block, one succeeds. */
  #freeAll(numbers: readonly number[], names: readonly unknown[]): void {
    const { addressing, blocks, lock, views } = this.#attachment;
    let refused = numbers.indexOf(NONE);
    if (refused === NONE) {
      for (const number of numbers) checkRun(views, lock, number);
      const stack = callersStack();
      refused = blocks.freeMany(numbers, {
        isNamed: (number, place) => this.#watch.isNamed(number, names[place]),
        leaves: (number) => this.#watch.leaves(number, stack),
      });
    }
    if (refused !== NONE) addressing.refuseFree(numbers[refused]!, names[refused]);
  }

  #leaves(block: number, fate: Fate, stack: string): boolean {
    // What has moved elsewhere is freed as any block is. Otherwise it stays where it is, and allocated, if it must.
    return (fate === "moved" || this.#watch.vacate(block)) &&
      (fate === "shrinks" || this.#watch.leaves(block, stack));
  }
}
