import type { Attachment } from "./attachment.ts";
import { checkHeader, checkRun } from "./check.ts";
import { NONE } from "./layout.ts";
import type { LeakInfo } from "./leaks.ts";
import { Operations } from "./operations.ts";
import { NOT_ALLOCATED } from "./resizer.ts";
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
    checkHeader(this.#attachment.views);
    this.#watch.retry(this.#attachment.blocks);
    return this;
  }

  override freeMany(blocks: readonly object[]): void {
    const { addressing } = this.#attachment;
    const numbers = blocks.map((block) => addressing.ofBuffer("free", block));
    const seen = new Set<number>();
    const refused = numbers.findIndex((number) => !addressing.isAllocated(number) || !addsTo(seen, number));
    if (refused === NONE) { for (const [place, number] of numbers.entries()) this.release(number, blocks[place]); }
    else addressing.refuseFree(numbers[refused]!, blocks[refused]);
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
    const buffer = super.bufferOver(number, numBytes);
    this.#watch.track(buffer, number);
    return buffer;
  }

  protected override release(number: number, name: unknown): void {
    const { addressing, blocks, views } = this.#attachment;
    if (!addressing.isAllocated(number)) return addressing.refuseFree(number, name);
    checkRun(views, number);
    this.#watch.freed(number);
    if (!this.#watch.vacate(number)) this.#watch.hold(number);
    else if (!blocks.free(number)) addressing.refuseFree(number, name);
  }

  protected override resize(number: number, numBytes: number): number {
    const { addressing, blocks, views } = this.#attachment;
    if (!addressing.isAllocated(number)) return NOT_ALLOCATED;
    checkRun(views, number);
    const before = views.table.requested(number);
    let vacated = true;
    const target = blocks.resize(number, numBytes, (block, moves) => {
      vacated = this.#watch.vacate(block);
      if (moves && vacated) this.#watch.freed(block);
      return vacated;
    });
    if (target === number && numBytes !== before) this.#watch.vacate(number);
    if (target !== number && target >= 0) this.#moved(number, target, vacated);
    return target;
  }

  #moved(from: number, to: number, vacated: boolean): void {
    if (!vacated) {
      this.#watch.freed(from);
      this.#watch.hold(from);
    }
    this.#watch.allocated(to);
  }
}

function addsTo(seen: Set<number>, number: number): boolean {
  return seen.size !== seen.add(number).size;
}
