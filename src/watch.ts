import type { Blocks } from "./blocks.ts";
import { callersStack } from "./stack.ts";
import { type BlockTable, isAllocated } from "./table.ts";
import { type Origin, TrackedBuffers } from "./tracked.ts";
import type { Traces } from "./traces.ts";

/**
 * What a worker knows in a checked pool beyond what any pool knows: who allocated and freed each block, and which buffers
 * lie over it.
 */
export class Watch {
  readonly #table: BlockTable;
  readonly #traces: Traces;
  readonly #tracked = new TrackedBuffers();
  /** Freed, but a buffer over them could not be detached yet. */
  readonly #held = new Set<number>();

  constructor(table: BlockTable, traces: Traces) {
    this.#table = table;
    this.#traces = traces;
  }

  /** A block was handed out. */
  allocated(block: number): void {
    this.#traces.allocated(block, callersStack());
  }

  /** A buffer over an allocated block was handed out, or came from another worker. */
  track(buffer: ArrayBuffer, block: number): void {
    const sequence = this.#traces.sequence(block);
    if (this.#tracked.origin(buffer)?.sequence === sequence) return;
    this.#tracked.add(buffer, { block, sequence, allocatedAt: this.#traces.allocatedAt(block) });
  }

  isAllocated(block: number): boolean {
    return isAllocated(this.#table.loadTag(block)) && !this.#traces.isFreed(block);
  }

  /** What a buffer was made for, if that was freed since. */
  staleOrigin(buffer: ArrayBufferLike): Origin | undefined {
    const origin = this.#tracked.origin(buffer);
    if (origin === undefined) return undefined;
    const current = this.#traces.sequence(origin.block) === origin.sequence && this.isAllocated(origin.block);
    return current ? undefined : origin;
  }

  /** Notes that an allocation ends here. Before the block can be another's, or the note would be about that. */
  freed(block: number): void {
    this.#traces.freed(block, this.#traces.sequence(block), callersStack());
  }

  /** Detaches this worker's buffers over a block; says whether none is left that could be used. */
  vacate(block: number): boolean {
    return this.#tracked.detach(block);
  }

  /** Keeps a freed block from being handed out until its buffers can be detached. */
  hold(block: number): void {
    this.#held.add(block);
  }

  /** Frees held blocks whose buffers can be detached by now. */
  retry(blocks: Blocks): void {
    for (const block of this.#held) {
      if (!this.vacate(block)) continue;
      this.#held.delete(block);
      blocks.free(block);
    }
  }

  detachAll(): void {
    this.#tracked.detachAll();
  }

  /** The end of a message: where the block was allocated, where freed, where it is used now. "" if it never was. */
  history(block: number, again: string, origin?: Origin): string {
    if (this.#traces.sequence(block) === 0) return "";
    const allocatedAt = origin?.allocatedAt ?? this.#traces.allocatedAt(block);
    return `\nallocated\n${allocatedAt}\nfirst freed\n${this.#traces.freedAt(block)}\n${again}\n${callersStack()}`;
  }
}
