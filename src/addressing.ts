import type { Allocator } from "./allocator/allocator.ts";
import type { Buffers } from "./buffers.ts";
import { MemPoolError } from "./base/errors.ts";
import { NONE, WARN_ON_MISUSE } from "./region/layout.ts";
import { checkBlock, checkFromZero, describe } from "./options.ts";
import type { BlockTable } from "./region/block_table.ts";
import type { Region } from "./region/region.ts";

/** From what callers name a block by, a buffer or an offset, to its number; and what to say when it is none. */
export class Addressing {
  readonly #table: BlockTable;
  readonly #blockSize: number;
  readonly #warn: boolean;
  readonly #blocks: Allocator;
  readonly #buffers: Buffers;

  constructor(region: Region, blocks: Allocator, buffers: Buffers) {
    this.#table = region.table;
    this.#blockSize = region.blockSize;
    this.#warn = region.header[WARN_ON_MISUSE] === 1;
    this.#blocks = blocks;
    this.#buffers = buffers;
  }

  /** The block behind a buffer or view, allocated or not; NONE when it is none of this pool's. */
  ofBuffer(action: string, block: unknown): number {
    return this.#buffers.blockOf(checkBlock(action, block));
  }

  /** The block that starts at an offset, allocated or not; NONE when none does. */
  ofOffset(action: string, offset: unknown): number {
    checkFromZero(action, "offset", offset);
    const number = Math.abs(offset) / this.#blockSize; // minus zero is zero
    return number % 1 === 0 && number < this.#table.blockCount ? number : NONE;
  }

  isAllocated(action: string, number: number): boolean {
    return number !== NONE && this.#blocks.isAllocated(action, number);
  }

  /** Makes this worker the owner of a block, which must be an allocated one; returns the bytes that were asked for. */
  adopt(action: string, number: number, name: unknown): number {
    const bytes = number === NONE ? 0 : this.#blocks.adopt(action, number);
    if (bytes === 0) throw this.refusal(action, number, name);
    return bytes;
  }

  /** The error for a block that is not allocated, or for what is no block; `name` is what the caller named it by. */
  refusal(action: string, number: number, name: unknown): MemPoolError {
    if (number !== NONE) {
      const offset = number * this.#blockSize;
      return new MemPoolError("double-free", `Cannot ${action} block at offset ${offset}: it is already free`);
    }
    const what = typeof name === "number" ? `offset ${name}` : describe(name);
    const why = typeof name === "number" ? "no block of this pool starts there" : "it is not a block of this pool";
    return new MemPoolError("foreign-block", `Cannot ${action} ${what}: ${why}`);
  }

  /** Reports a `free` that was refused: throws, or where the pool was made so, prints as the C original does. */
  refuseFree(number: number, name: unknown): void {
    const error = this.refusal("free", number, name);
    if (!this.#warn) throw error;
    console.warn(`mempool: potential double free. ${error.message}`);
  }
}
