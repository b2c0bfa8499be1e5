import type { Allocator } from "../allocator/allocator.ts";
import { bufferBehind } from "../base/intrinsics.ts";
import { type BlockTable, isAllocated } from "../region/block_table.ts";
import { NONE } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { AllocationLog } from "./allocation_log.ts";
import { callersStack } from "./call_stack.ts";
import { LateWrites, type MakeBuffer } from "./late_writes.ts";
import { type Origin, TrackedBuffers } from "./tracked_buffers.ts";

/**
 * What one worker tracks in a checked pool: the allocation log, which all workers share, and its own buffers over the
 * blocks.
 */
export class Tracker {
  readonly #table: BlockTable;
  readonly #blockSize: number;
  readonly log: AllocationLog;
  readonly #tracked: TrackedBuffers;
  readonly #lateWrites: LateWrites;
  /** What this worker has found and has not printed yet. It is printed outside of critical sections. */
  readonly #reports: string[] = [];
  /**
   * The held blocks: this worker has freed them, but they stay allocated while a buffer over them cannot be detached.
   */
  readonly #held = new Set<number>();

  constructor(pool: number, region: Region, makeBuffer: MakeBuffer) {
    this.#table = region.table;
    this.#blockSize = region.blockSize;
    this.log = new AllocationLog(region);
    this.#tracked = new TrackedBuffers(pool);
    this.#lateWrites = new LateWrites(region, this.log, makeBuffer);
  }

  /** Prints with `console.warn` what this worker has found. The caller is not in a critical section. */
  report(): void {
    for (const report of this.#reports.splice(0)) console.warn(report);
  }

  /** Looks for blocks that were written after they were freed, among all free blocks. The caller holds the lock. */
  findLateWrites(): void {
    this.#reports.push(...this.#lateWrites.inFreeRuns());
  }

  /**
   * Records that a block was handed out. The caller holds the lock. `isNew` is false if the run overlaps the one that it
   * replaces, so that its bytes are not those of free blocks.
   */
  allocated(block: number, stack: string, isNew = true): void {
    if (isNew) this.#reports.push(...this.#lateWrites.inRun(block));
    this.log.allocated(block, stack);
  }

  /**
   * Records that a block was resized in place. This counts as a new allocation, so earlier buffers are stale as if the
   * block had moved. The caller holds the lock.
   */
  resized(block: number, stack: string): void {
    const before = this.log.sequence(block);
    const allocatedAt = this.log.allocatedAt(block);
    // The new allocation is recorded first. Otherwise other workers would find the block free for a moment.
    this.log.allocated(block, stack);
    this.#recordEnd(block, before, allocatedAt, stack);
    this.vacate(block);
  }

  /** This worker's buffer of this length over an allocated block. Detaches buffers of earlier allocations. */
  bufferOver(block: number, byteLength: number): ArrayBuffer | undefined {
    return this.#tracked.find(block, this.log.sequence(block), byteLength);
  }

  /** Tracks a buffer over an allocated block that was handed out, or that came from another worker. */
  track(buffer: ArrayBuffer, block: number): void {
    this.#tracked.add(buffer, block, this.log.sequence(block), this.log.allocatedAt(block));
  }

  isAllocated(block: number): boolean {
    return isAllocated(this.#table.loadTag(block)) && !this.log.isFreed(block);
  }

  /** The allocation that a buffer was made for if it has ended, so that the buffer is stale; otherwise undefined. */
  staleOrigin(buffer: ArrayBufferLike): Origin | undefined {
    const origin = this.#tracked.origin(buffer);
    return origin === undefined || this.#isCurrent(origin.block, origin.sequence) ? undefined : origin;
  }

  /**
   * Whether a block is allocated and `name`, which is a buffer or an offset, is not a buffer of an earlier allocation.
   */
  isNamed(block: number, name: unknown): boolean {
    const buffer = bufferBehind(name);
    return this.isAllocated(block) && (buffer === undefined || this.staleOrigin(buffer) === undefined);
  }

  /**
   * Ends an allocation. Returns whether the caller may make its run free. If not, the run stays allocated by this
   * worker, and `retry` frees it later. The caller holds the lock.
   */
  leaves(block: number, stack: string): boolean {
    // A worker that died may already have ended the allocation, and not have made the run free.
    if (!this.log.isFreed(block)) {
      this.#recordEnd(block, this.log.sequence(block), this.log.allocatedAt(block), stack);
    }
    const isVacated = this.vacate(block);
    if (!isVacated) this.#hold(block, stack);
    return isVacated;
  }

  #hold(block: number, stack: string): void {
    this.#held.add(block);
    const line = `mempool: block at offset ${block * this.#blockSize} was freed while its buffer cannot be detached: ` +
      "native code uses it, or it is untransferable";
    this.#reports.push(`${line}\nallocated\n${this.log.stackAt(this.log.allocatedAt(block))}\nfreed\n${stack}`);
  }

  /** Detaches this worker's buffers over a block. Returns whether no usable buffer is left. */
  vacate(block: number): boolean {
    return this.#tracked.detach(block);
  }

  /** Frees the held blocks whose buffers can be detached by now. */
  retry(allocator: Allocator): void {
    for (const block of this.#held) {
      if (!this.vacate(block)) continue;
      allocator.freeUncounted(block);
      this.#held.delete(block);
    }
  }

  /** Detaches all buffers that can be detached. Returns whether none is left. */
  detachAll(): boolean {
    return this.#tracked.detachAll();
  }

  /**
   * The end of a message about a block: the stacks that allocated it, that freed it, and that name it now, the last one
   * under the heading `again`. `origin` is the allocation that the caller's buffer was made for. "" if the block was
   * never allocated.
   */
  history(block: number, again: string, origin?: Origin): string {
    const sequence = origin?.sequence ?? this.log.sequence(block);
    if (sequence === 0) return "";
    const now = callersStack();
    const allocatedAt = this.log.stackAt(origin?.allocatedAt ?? this.log.allocatedAt(block));
    // If the allocation is current, the block was named twice in this very call.
    const freedAt = this.#isCurrent(block, sequence) ? now : this.#freedAt(block, sequence, origin);
    return `\nallocated\n${allocatedAt}\nfirst freed\n${freedAt}\n${again}\n${now}`;
  }

  /**
   * The end of a message about a stale reference: the stacks that allocated and freed what was freed last at the block, and
   * the one that allocated what is there now. "" if the block was never allocated.
   */
  historyOfRef(block: number): string {
    const { log } = this;
    const ended = log.lastEnded(block);
    const stacks: [heading: string, place: number][] = [];
    if (ended !== undefined) stacks.push(["allocated", ended.allocatedAt], ["freed", ended.freedAt]);
    if (this.isAllocated(block)) {
      stacks.push([ended === undefined ? "allocated" : "allocated again", log.allocatedAt(block)]);
    }
    return stacks.map(([heading, place]) => `\n${heading}\n${log.stackAt(place)}`).join("");
  }

  #recordEnd(block: number, sequence: number, allocatedAt: number, stack: string): void {
    this.#tracked.freed(block, sequence, this.log.freed(block, sequence, allocatedAt, stack));
  }

  #isCurrent(block: number, sequence: number): boolean {
    return this.log.sequence(block) === sequence && this.isAllocated(block);
  }

  #freedAt(block: number, sequence: number, origin: Origin | undefined): string {
    const place = this.log.freedAt(block, sequence);
    return this.log.stackAt(place === NONE && origin !== undefined ? origin.freedAt : place);
  }
}
