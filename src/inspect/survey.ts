import type { BlockInfo } from "../block_list.ts";
import type { MemPoolStats } from "../stats.ts";
import { numberWithin } from "./numbers.ts";

/** What a pool must have to be drawn: a `MemPool` has it. */
export interface Inspectable {
  /** The runs of the pool, in order of address. */
  blocks(): Iterable<BlockInfo>;
  /** The counts of the pool. */
  stats(): MemPoolStats;
}

/** An equal part of a pool, and what lies in it. */
export interface SurveyCell {
  /** Distance of the part from the start of the data, in bytes. */
  readonly offset: number;
  /** Bytes of the part; the pool's last one may have fewer than the others. */
  readonly byteLength: number;
  /** Bytes of it that are handed out. */
  readonly allocatedBytes: number;
  /** Bytes of it that workers keep at hand. */
  readonly cachedBytes: number;
  /** The worker that has most of it, 0 for nobody. */
  readonly owner: number;
}

/** What one worker has of a pool. */
export interface OwnerShare {
  /** Number of the worker; 0 stands for what is nobody's, as in `BlockInfo`. */
  readonly owner: number;
  /** Bytes that are handed out to it. */
  readonly allocatedBytes: number;
  /** Bytes that it keeps at hand. */
  readonly cachedBytes: number;
}

/**
 * A pool at one moment, in as many cells as a picture can show, however large the pool is. The counts in `stats` are taken
 * first: where other workers go on meanwhile, the cells may show a few blocks more or less.
 *
 * @example What lies where
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool } from "mempool";
 * import { surveyPool } from "mempool/inspect";
 *
 * using pool = MemPool.init(1024, 64, { cachedBlocks: 0 });
 * pool.alloc(100); // two of the 16 blocks
 * const { cells, bytesPerCell, longestFree, stats } = surveyPool(pool, { cells: 4 });
 * assertEquals(cells.map(({ allocatedBytes }) => allocatedBytes), [128, 0, 0, 0]);
 * assertEquals([bytesPerCell, longestFree.offset, stats.allocatedBlocks], [256, 128, 2]);
 * ```
 */
export interface PoolSurvey {
  /** When it was made, in milliseconds since 1970. */
  readonly time: number;
  /** What `stats()` said. */
  readonly stats: MemPoolStats;
  /** The parts of the pool, in order of address. */
  readonly cells: readonly SurveyCell[];
  /** Bytes of each cell but the last. */
  readonly bytesPerCell: number;
  /** Who has how much, by number. */
  readonly owners: readonly OwnerShare[];
  /** The longest range without an allocated block; of several, the first. A `byteLength` of 0 in a full pool. */
  readonly longestFree: { readonly offset: number; readonly byteLength: number };
}

/** How finely to look at a pool. */
export interface SurveyOptions {
  /**
   * The most cells, from 1 to 16,384. Each stands for the same number of whole blocks.
   *
   * @default {1024}
   */
  readonly cells?: number;
}

/**
 * Looks at a pool. Takes time proportional to the number of its runs, and for that time 8 bytes for each. Example:
 * {@linkcode PoolSurvey}.
 *
 * @throws {MemPoolError} "destroyed", "closed" or "lock-timeout", as `stats()`.
 */
export function surveyPool(pool: Inspectable, options: SurveyOptions = {}): PoolSurvey {
  const limit = numberWithin("cells", options.cells, 1024, 1, 16_384);
  const stats = pool.stats();
  const survey = new Surveyor(stats, limit);
  for (const block of pool.blocks()) survey.add(block);
  return survey.finish(stats);
}

class Surveyor {
  readonly #size: number;
  readonly #bytesPerCell: number;
  readonly #allocated: Float64Array;
  readonly #cached: Float64Array;
  readonly #owners: Float64Array;
  readonly #shares = new Map<number, { allocatedBytes: number; cachedBytes: number }>();
  /** Of the cell that was added to last: bytes by owner. Blocks come in order, so that one at a time is enough. */
  readonly #here = new Map<number, number>();
  #cell = 0;
  #free = { offset: 0, byteLength: 0 };
  #longest = { offset: 0, byteLength: 0 };

  constructor({ size, blockSize, blockCount }: MemPoolStats, limit: number) {
    this.#size = size;
    this.#bytesPerCell = Math.max(1, Math.ceil(blockCount / limit)) * blockSize;
    const cells = Math.ceil(size / this.#bytesPerCell);
    this.#allocated = new Float64Array(cells);
    this.#cached = new Float64Array(cells);
    this.#owners = new Float64Array(cells);
  }

  add({ offset, byteLength, state, owner }: BlockInfo): void {
    // The pool may have grown since it was counted: what is new belongs to the next survey.
    const length = Math.min(byteLength, this.#size - offset);
    if (length <= 0) return;
    if (state === "allocated") this.#free = { offset: offset + length, byteLength: 0 };
    else this.#extendFree(length);
    if (state === "free") return;
    const share = this.#shareOf(owner);
    if (state === "allocated") share.allocatedBytes += length;
    else share.cachedBytes += length;
    this.#spread(offset, length, state === "allocated" ? this.#allocated : this.#cached, owner);
  }

  finish(stats: MemPoolStats): PoolSurvey {
    this.#settleOwner();
    const shares = [...this.#shares].map(([owner, share]) => ({ owner, ...share }));
    return {
      time: Date.now(),
      stats,
      cells: Array.from(this.#allocated, (_, cell) => this.#describe(cell)),
      bytesPerCell: this.#bytesPerCell,
      owners: shares.sort((one, other) => one.owner - other.owner),
      longestFree: this.#longest,
    };
  }

  #extendFree(length: number): void {
    this.#free.byteLength += length;
    if (this.#free.byteLength > this.#longest.byteLength) this.#longest = { ...this.#free };
  }

  #shareOf(owner: number): { allocatedBytes: number; cachedBytes: number } {
    let share = this.#shares.get(owner);
    if (share === undefined) this.#shares.set(owner, share = { allocatedBytes: 0, cachedBytes: 0 });
    return share;
  }

  #spread(offset: number, length: number, bytes: Float64Array, owner: number): void {
    const end = offset + length;
    for (let at = offset; at < end;) {
      const cell = Math.floor(at / this.#bytesPerCell);
      const next = Math.min(end, (cell + 1) * this.#bytesPerCell);
      bytes[cell]! += next - at;
      if (cell !== this.#cell) this.#settleOwner();
      this.#cell = cell;
      this.#here.set(owner, (this.#here.get(owner) ?? 0) + next - at);
      at = next;
    }
  }

  #settleOwner(): void {
    let most = 0;
    for (const [owner, bytes] of this.#here) {
      if (bytes <= most) continue;
      most = bytes;
      this.#owners[this.#cell] = owner;
    }
    this.#here.clear();
  }

  #describe(cell: number): SurveyCell {
    const offset = cell * this.#bytesPerCell;
    return {
      offset,
      byteLength: Math.min(this.#bytesPerCell, this.#size - offset),
      allocatedBytes: this.#allocated[cell]!,
      cachedBytes: this.#cached[cell]!,
      owner: this.#owners[cell]!,
    };
  }
}
