import { detach, lengthOfBuffer } from "../base/intrinsics.ts";
import { NONE } from "../region/layout.ts";

/** What a buffer of a checked pool was made for. */
export interface Origin {
  /** The pool's id: a worker's buffers keep their origin when it leaves the pool and joins it again. */
  readonly pool: number;
  readonly block: number;
  /** Tells this allocation of the block from others. */
  readonly sequence: number;
  /** The place of the stack where it was allocated. */
  readonly allocatedAt: number;
  /** The place of the stack where this worker has ended it: later, shared memory may tell of another end. */
  freedAt: number;
}

/** Of this thread's buffers, also of those that are detached. One object for all buffers of an allocation. */
const origins = new WeakMap<ArrayBufferLike, Origin>();

/** Which buffers a worker has over the blocks of a checked pool, and which it had. */
export class TrackedBuffers {
  readonly #byBlock = new Map<number, Set<ArrayBuffer>>();
  /** What the last buffer over each block was made for. */
  readonly #latest = new Map<number, Origin>();
  readonly #pool: number;

  constructor(pool: number) {
    this.#pool = pool;
  }

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

  /** What a buffer was made for, also once it is detached. */
  origin(buffer: ArrayBufferLike): Origin | undefined {
    const origin = origins.get(buffer);
    return origin?.pool === this.#pool ? origin : undefined;
  }

  /** A buffer over this allocation of the block, of this length. Detaches those over earlier ones. */
  find(block: number, sequence: number, byteLength: number): ArrayBuffer | undefined {
    const buffers = this.#byBlock.get(block) ?? [];
    let found: ArrayBuffer | undefined;
    for (const buffer of buffers) {
      if (this.origin(buffer)?.sequence !== sequence) this.#detach(block, buffer);
      else if (lengthOfBuffer(buffer) === byteLength) found = buffer;
    }
    return found;
  }

  /** Notes where this worker ended this allocation of the block. */
  freed(block: number, sequence: number, freedAt: number): void {
    const origin = this.#latest.get(block);
    if (origin?.sequence === sequence) origin.freedAt = freedAt;
  }

  /**
   * Detaches this worker's buffers over a block, and with them all views. False when the runtime will not detach one of
   * them, because the system still reads or writes it.
   */
  detach(block: number): boolean {
    for (const buffer of this.#byBlock.get(block) ?? []) this.#detach(block, buffer);
    return !this.#byBlock.has(block);
  }

  /** Detaches all that it can; says whether that were all. */
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
