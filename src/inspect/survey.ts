import type { BlockInfo } from "../../mod.ts";
import type { MemPoolStats } from "../../mod.ts";
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

type Share = { allocatedBytes: number; cachedBytes: number };

class Surveyor {
  readonly #size: number;
  readonly #bytesPerCell: number;
  readonly #allocated: Float64Array;
  readonly #cached: Float64Array;
  readonly #owners: Float64Array;
  readonly #shares = new Map<number, Share>();
  /** The owner of the block before, and its share: neighbours often have one owner. */
  #owner = NaN;
  #share: Share = { allocatedBytes: 0, cachedBytes: 0 };
  /** Of the cell that was added to last: bytes by owner. Blocks come in order, so that one at a time is enough. */
  readonly #here = new Map<number, Share>();
  #hereShare: Share = { allocatedBytes: 0, cachedBytes: 0 };
  #cell = 0;
  /** The range without an allocated block that ends where the last one did. */
  readonly #free = { offset: 0, byteLength: 0 };
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
    if (state === "allocated") this.#endFree(offset + length);
    else this.#extendFree(length);
    if (state === "free") return;
    if (owner !== this.#owner) this.#turnTo(owner);
    const end = offset + length;
    for (let at = offset; at < end;) at = this.#fill(at, end, state);
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

  #endFree(next: number): void {
    this.#free.offset = next;
    this.#free.byteLength = 0;
  }

  #extendFree(length: number): void {
    this.#free.byteLength += length;
    if (this.#free.byteLength > this.#longest.byteLength) this.#longest = { ...this.#free };
  }

  /** Adds what of a run lies in one cell; returns where the next cell begins, or the run's end. */
  #fill(at: number, end: number, state: "allocated" | "cached"): number {
    const cell = Math.floor(at / this.#bytesPerCell);
    if (cell !== this.#cell) this.#enter(cell);
    const next = Math.min(end, (cell + 1) * this.#bytesPerCell);
    if (state === "allocated") {
      this.#allocated[cell]! += next - at;
      this.#share.allocatedBytes += next - at;
      this.#hereShare.allocatedBytes += next - at;
    } else {
      this.#cached[cell]! += next - at;
      this.#share.cachedBytes += next - at;
      this.#hereShare.cachedBytes += next - at;
    }
    return next;
  }

  #turnTo(owner: number): void {
    this.#owner = owner;
    this.#share = shareOf(this.#shares, owner);
    this.#hereShare = shareOf(this.#here, owner);
  }

  #enter(cell: number): void {
    this.#settleOwner();
    this.#cell = cell;
    this.#here.clear();
    this.#hereShare = shareOf(this.#here, this.#owner);
  }

  #settleOwner(): void {
    let most = 0;
    for (const [owner, { allocatedBytes, cachedBytes }] of this.#here) {
      if (allocatedBytes + cachedBytes <= most) continue;
      most = allocatedBytes + cachedBytes;
      this.#owners[this.#cell] = owner;
    }
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

function shareOf(shares: Map<number, Share>, owner: number): Share {
  let share = shares.get(owner);
  if (share === undefined) shares.set(owner, share = { allocatedBytes: 0, cachedBytes: 0 });
  return share;
}
