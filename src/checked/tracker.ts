import type { Allocator } from "../allocator/allocator.ts";
import { bufferBehind } from "../base/intrinsics.ts";
import { type BlockTable, isAllocated } from "../region/block_table.ts";
import { NONE } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { AllocationLog } from "./allocation_log.ts";
import { callersStack } from "./call_stack.ts";
import { type Origin, TrackedBuffers } from "./tracked_buffers.ts";

/**
 * What a worker knows in a checked pool beyond what any pool knows: who allocated and freed each block, and which buffers
 * lie over it.
 */
export class Tracker {
  readonly #table: BlockTable;
  readonly log: AllocationLog;
  readonly #tracked: TrackedBuffers;
  /** Freed by this worker, but not given back yet: because a buffer over them cannot be detached. */
  readonly #held = new Set<number>();

  constructor(pool: number, region: Region) {
    this.#table = region.table;
    this.log = new AllocationLog(region);
    this.#tracked = new TrackedBuffers(pool);
  }

  /** A block was handed out. */
  allocated(block: number, stack: string): void {
    this.log.allocated(block, stack);
  }

  /** A block has another length where it lies: its buffers are stale, as if it had moved. */
  resized(block: number, stack: string): void {
    const before = this.log.sequence(block);
    // First, or others would find the block free in between.
    this.log.allocated(block, stack);
    this.#ended(block, before, stack);
    this.vacate(block);
  }

  /** This worker's buffer of this length over an allocated block. Those over earlier allocations are detached. */
  bufferOver(block: number, byteLength: number): ArrayBuffer | undefined {
    return this.#tracked.find(block, this.log.sequence(block), byteLength);
  }

  /** A buffer over an allocated block was handed out, or came from another worker. */
  track(buffer: ArrayBuffer, block: number): void {
    this.#tracked.add(buffer, block, this.log.sequence(block), this.log.allocatedAt(block));
  }

  isAllocated(block: number): boolean {
    return isAllocated(this.#table.loadTag(block)) && !this.log.isFreed(block);
  }

  /** What a buffer was made for, if that was freed since. */
  staleOrigin(buffer: ArrayBufferLike): Origin | undefined {
    const origin = this.#tracked.origin(buffer);
    return origin === undefined || this.#isCurrent(origin.block, origin.sequence) ? undefined : origin;
  }

  /** Whether a block is allocated, and `name`, a buffer or an offset, was not made for an earlier allocation. */
  isNamed(block: number, name: unknown): boolean {
    const buffer = bufferBehind(name);
    return this.isAllocated(block) && (buffer === undefined || this.staleOrigin(buffer) === undefined);
  }

  /**
   * Ends an allocation; says whether the caller may make its run free. Else it stays allocated, is this worker's, and
   * `retry` will give it back. The caller holds the lock.
   */
  leaves(block: number, stack: string): boolean {
    // A worker that has died may have come to this point before.
    if (!this.log.isFreed(block)) this.#ended(block, this.log.sequence(block), stack);
    const isVacated = this.vacate(block);
    if (!isVacated) this.#held.add(block);
    return isVacated;
  }

  /** Detaches this worker's buffers over a block; says whether none is left that could be used. */
  vacate(block: number): boolean {
    return this.#tracked.detach(block);
  }

  /** Gives back the held blocks whose buffers can be detached by now. */
  retry(allocator: Allocator): void {
    for (const block of this.#held) {
      if (!this.vacate(block)) continue;
      allocator.freeUncounted(block);
      this.#held.delete(block);
    }
  }

  /** Detaches all buffers that it can; says whether that were all. */
  detachAll(): boolean {
    return this.#tracked.detachAll();
  }

  /** The end of a message: where the block was allocated, where freed, where it is used now. "" if it never was. */
  history(block: number, again: string, origin?: Origin): string {
    const sequence = origin?.sequence ?? this.log.sequence(block);
    if (sequence === 0) return "";
    const now = callersStack();
    const allocatedAt = this.log.stackAt(origin?.allocatedAt ?? this.log.allocatedAt(block));
    // A block that is allocated still was named twice, in one call.
    const freedAt = this.#isCurrent(block, sequence) ? now : this.#freedAt(block, sequence, origin);
    return `\nallocated\n${allocatedAt}\nfirst freed\n${freedAt}\n${again}\n${now}`;
  }

  #ended(block: number, sequence: number, stack: string): void {
    this.#tracked.freed(block, sequence, this.log.freed(block, sequence, stack));
  }

  #isCurrent(block: number, sequence: number): boolean {
    return this.log.sequence(block) === sequence && this.isAllocated(block);
  }

  #freedAt(block: number, sequence: number, origin: Origin | undefined): string {
    const place = this.log.freedAt(block, sequence);
    return this.log.stackAt(place === NONE && origin !== undefined ? origin.freedAt : place);
  }
}
