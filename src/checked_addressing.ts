import { Addressing } from "./addressing.ts";
import type { Allocator } from "./allocator/allocator.ts";
import type { Buffers } from "./buffers.ts";
import { checkRun } from "./diagnostics/invariants.ts";
import { MemPoolError } from "./base/errors.ts";
import { bufferBehind } from "./base/intrinsics.ts";
import { NONE } from "./region/layout.ts";
import { checkBlock } from "./options.ts";
import type { Lock } from "./allocator/lock.ts";
import type { Region } from "./region/region.ts";
import type { Tracker } from "./checked/tracker.ts";

/** Addressing in a checked pool, where a buffer that was freed names no block any more. */
export class CheckedAddressing extends Addressing {
  readonly #region: Region;
  readonly #lock: Lock;
  readonly #tracker: Tracker;

  constructor(region: Region, blocks: Allocator, buffers: Buffers, lock: Lock, tracker: Tracker) {
    super(region, blocks, buffers);
    this.#region = region;
    this.#lock = lock;
    this.#tracker = tracker;
  }

  override ofBuffer(action: string, block: unknown): number {
    const buffer = checkBlock(action, block);
    if (this.#isStale(action, buffer)) return NONE;
    const number = super.ofBuffer(action, block);
    if (this.isAllocated(action, number)) this.#tracker.track(buffer as ArrayBuffer, number);
    return number;
  }

  /** "No" is said under the lock: `freeMany` may hold a run for a moment, and give it back. */
  override isAllocated(action: string, number: number): boolean {
    return number !== NONE &&
      (this.#tracker.isAllocated(number) || this.#lock.inspect(action, () => this.#tracker.isAllocated(number)));
  }

  override adopt(action: string, number: number, name: unknown): number {
    if (!this.isAllocated(action, number)) throw this.refusal(action, number, name);
    checkRun(this.#region, this.#lock, number);
    return super.adopt(action, number, name);
  }

  override refusal(action: string, number: number, name: unknown): MemPoolError {
    const buffer = bufferBehind(name);
    const stale = buffer === undefined ? undefined : this.#tracker.staleOrigin(buffer);
    const error = super.refusal(action, stale?.block ?? number, name);
    if (error.code !== "double-free") return error;
    const again = action === "free" ? "freed again" : `now to ${action} it`;
    return new MemPoolError(error.code, error.message + this.#tracker.history(stale?.block ?? number, again, stale));
  }

  /** Under the lock if so: in a pool that is being destroyed, every buffer looks stale. */
  #isStale(action: string, buffer: ArrayBufferLike): boolean {
    const look = (): boolean => this.#tracker.staleOrigin(buffer) !== undefined;
    return look() && this.#lock.inspect(action, look);
  }
}
