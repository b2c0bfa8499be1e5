import { detach, lengthOfBuffer } from "../base/intrinsics.ts";
import { NONE } from "../region/layout.ts";

/** The allocation that a buffer of a checked pool was made for. */
export interface Origin {
  /** The pool's id. With it, buffers keep their origin when their worker leaves the pool and attaches again. */
  readonly pool: number;
  readonly block: number;
  /** The number of this allocation of the block. */
  readonly sequence: number;
  /** The place of the stack that allocated the block. */
  readonly allocatedAt: number;
  /**
   * The place of the stack with which this worker ended the allocation, NONE if it has not. The allocation log is
   * shared and forgets this stack when a later allocation of the block ends.
   */
  freedAt: number;
}

/** The origins of this thread's buffers, detached ones included. All buffers of an allocation have the same object. */
const origins = new WeakMap<ArrayBufferLike, Origin>();

/** The buffers that one worker has over the blocks of a checked pool, and the allocations that they were made for. */
export class TrackedBuffers {
  /** The buffers over each block that are not detached. */
  readonly #byBlock = new Map<number, Set<ArrayBuffer>>();
  /** The origin of the last buffer over each block. */
  readonly #latest = new Map<number, Origin>();
  readonly #pool: number;

  constructor(pool: number) {
    this.#pool = pool;
  }

  /** Adds a buffer that was made for this allocation of the block. */
  add(buffer: ArrayBuffer, block: number, sequence: number, allocatedAt: number): void {
    let origin = this.#latest.get(block);
    if (origin?.sequence !== sequence) {
      origin = { pool: this.#pool, block, sequence, allocatedAt, freedAt: NONE };
      this.#latest.set(block, origin);
    }
    origins.set(buffer, origin);
    const others = this.#byBlock.get(block);
    if (others === undefined) this.#byBlock.set(block, new Set([buffer]));
    else others.add(buffer);
  }

  /** The allocation that a buffer was made for, even if the buffer is detached; undefined if it is not of this pool. */
  origin(buffer: ArrayBufferLike): Origin | undefined {
    const origin = origins.get(buffer);
    return origin?.pool === this.#pool ? origin : undefined;
  }

  /**
   * A buffer of this length that was made for this allocation of the block. Detaches buffers of earlier allocations.
   */
  find(block: number, sequence: number, byteLength: number): ArrayBuffer | undefined {
    const buffers = this.#byBlock.get(block) ?? [];
    let found: ArrayBuffer | undefined;
    for (const buffer of buffers) {
      if (this.origin(buffer)?.sequence !== sequence) this.#detach(block, buffer);
      else if (lengthOfBuffer(buffer) === byteLength) found = buffer;
    }
    return found;
  }

  /** Records the place of the stack with which this worker ended this allocation of the block. */
  freed(block: number, sequence: number, freedAt: number): void {
    const origin = this.#latest.get(block);
    if (origin?.sequence === sequence) origin.freedAt = freedAt;
  }

  /**
   * Detaches this worker's buffers over a block, and with them all their views. Returns false if the runtime refuses to
   * detach one of them because the system still reads or writes it.
   */
  detach(block: number): boolean {
    for (const buffer of this.#byBlock.get(block) ?? []) this.#detach(block, buffer);
    return !this.#byBlock.has(block);
  }

  /** Detaches all buffers that can be detached. Returns whether none is left. */
  detachAll(): boolean {
    for (const block of [...this.#byBlock.keys()]) this.detach(block);
    return this.#byBlock.size === 0;
  }

  #detach(block: number, buffer: ArrayBuffer): void {
    if (!detach(buffer)) return;
    const buffers = this.#byBlock.get(block)!;
    buffers.delete(buffer);
    if (buffers.size === 0) this.#byBlock.delete(block);
  }
}
