import type { MemPool } from "../../../mod.ts";
import { MappedRecords } from "./mapped_records.ts";
import { StoreFullError, UNIT, type Words } from "./records.ts";

/** Records at offsets of a pool. */
export class PoolRecords extends MappedRecords {
  readonly #pool: MemPool;

  constructor(pool: MemPool, cells: number) {
    super(pool.buffer, cells);
    this.#pool = pool;
  }

  allocate(): number {
    const offset = this.#pool.allocOffset(this.byteLength);
    if (offset < 0) throw new StoreFullError();
    return offset / UNIT;
  }

  release(ref: number): void {
    this.#pool.freeOffset(ref * UNIT);
  }

  allocateTable(words: number): Words {
    const offset = this.#pool.allocOffset(4 * words);
    if (offset < 0) throw new StoreFullError();
    return new Int32Array(this.#pool.buffer, offset, words);
  }

  releaseTable(table: Words): void {
    this.#pool.freeOffset(table.byteOffset);
  }

  /** Destroys the pool where it was created, and leaves it where it was attached. */
  close(): void {
    this.#pool[Symbol.dispose]();
  }
}
