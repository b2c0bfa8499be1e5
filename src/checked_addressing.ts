import { Addressing } from "./addressing.ts";
import type { Blocks } from "./allocator/allocator.ts";
import type { Buffers } from "./buffers.ts";
import { checkRun } from "./diagnostics/invariants.ts";
import { MemPoolError } from "./base/errors.ts";
import { bufferBehind } from "./base/intrinsics.ts";
import { NONE } from "./region/layout.ts";
import { checkBlock } from "./options.ts";
import type { Lock } from "./allocator/lock.ts";
import type { Views } from "./region/region.ts";
import type { Watch } from "./checked/tracker.ts";

/** Addressing in a checked pool, where a buffer that was freed names no block any more. */
export class CheckedAddressing extends Addressing {
  readonly #views: Views;
  readonly #lock: Lock;
  readonly #watch: Watch;

  constructor(views: Views, blocks: Blocks, buffers: Buffers, lock: Lock, watch: Watch) {
    super(views, blocks, buffers);
    this.#views = views;
    this.#lock = lock;
    this.#watch = watch;
  }

  override ofBuffer(action: string, block: unknown): number {
    const buffer = checkBlock(action, block);
    if (this.#isStale(action, buffer)) return NONE;
    const number = super.ofBuffer(action, block);
    if (this.isAllocated(action, number)) this.#watch.track(buffer as ArrayBuffer, number);
    return number;
  }

  /** "No" is said under the lock: `freeMany` may hold a run for a moment, and give it back. */
  override isAllocated(action: string, number: number): boolean {
    return number !== NONE &&
      (this.#watch.isAllocated(number) || this.#lock.inspect(action, () => this.#watch.isAllocated(number)));
  }

  override adopt(action: string, number: number, name: unknown): number {
    if (!this.isAllocated(action, number)) throw this.refusal(action, number, name);
    checkRun(this.#views, this.#lock, number);
    return super.adopt(action, number, name);
  }

  override refusal(action: string, number: number, name: unknown): MemPoolError {
    const buffer = bufferBehind(name);
    const stale = buffer === undefined ? undefined : this.#watch.staleOrigin(buffer);
    const error = super.refusal(action, stale?.block ?? number, name);
    if (error.code !== "double-free") return error;
    const again = action === "free" ? "freed again" : `now to ${action} it`;
    return new MemPoolError(error.code, error.message + this.#watch.history(stale?.block ?? number, again, stale));
  }

  /** Under the lock if so: in a pool that is being destroyed, every buffer looks stale. */
  #isStale(action: string, buffer: ArrayBufferLike): boolean {
    const look = (): boolean => this.#watch.staleOrigin(buffer) !== undefined;
    return look() && this.#lock.inspect(action, look);
  }
}
