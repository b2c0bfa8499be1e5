/** What a buffer of a checked pool was made for. */
export interface Origin {
  readonly block: number;
  /** Tells this allocation of the block from others. */
  readonly sequence: number;
  readonly allocatedAt: string;
}

/** Which buffers a worker has, and had, over the blocks of a checked pool. */
export class TrackedBuffers {
  readonly #byBlock = new Map<number, Set<ArrayBuffer>>();
  readonly #origins = new WeakMap<ArrayBufferLike, Origin>();

  add(buffer: ArrayBuffer, origin: Origin): void {
    this.#origins.set(buffer, origin);
    const others = this.#byBlock.get(origin.block);
    if (others === undefined) this.#byBlock.set(origin.block, new Set([buffer]));
    else others.add(buffer);
  }

  /** What a buffer was made for, also once it is detached. */
  origin(buffer: ArrayBufferLike): Origin | undefined {
    return this.#origins.get(buffer);
  }

  /**
   * Detaches this worker's buffers over a block, and with them all views. False when the runtime will not detach one of
   * them, because the system still reads or writes it.
   */
  detach(block: number): boolean {
    const buffers = this.#byBlock.get(block);
    if (buffers === undefined) return true;
    for (const buffer of buffers) if (detach(buffer)) buffers.delete(buffer);
    if (buffers.size > 0) return false;
    this.#byBlock.delete(block);
    return true;
  }

  detachAll(): void {
    for (const block of [...this.#byBlock.keys()]) this.detach(block);
  }
}

/** Detaches a buffer without freeing its memory; says whether it is. */
export function detach(buffer: ArrayBuffer): boolean {
  if (!buffer.detached) buffer.transfer(0);
  return buffer.detached;
}
