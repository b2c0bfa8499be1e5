import type { BlockInfo, LeakInfo, MemPoolStats } from "../../mod.ts";
import { describe } from "../base/arguments.ts";
import { LayoutNumbers } from "./layouts.ts";
import { numberWithin } from "./numbers.ts";

/** The part of a `MemPool` that drawing needs. Any object with these methods can be drawn. */
export interface Inspectable {
  /** The runs of the pool in order of address, without gaps. */
  blocks(): Iterable<BlockInfo>;
  /** The counts of the pool. */
  stats(): MemPoolStats;
  /** What is allocated in a checked pool. Needed for colours by layout only. */
  leaks?(): readonly LeakInfo[];
}

/** One of the equal parts that a survey divides a pool into. */
export interface SurveyCell {
  /** Offset of the part, in bytes. */
  readonly offset: number;
  /** Bytes in the part. The last part may have fewer than the others. */
  readonly byteLength: number;
  /** Bytes of the part that are allocated. */
  readonly allocatedBytes: number;
  /** Bytes of the part that are cached. */
  readonly cachedBytes: number;
  /**
   * Number of the worker that owns most of these bytes; 0 if they belong to no worker, or if the part is free. In a
   * survey by layout, the number of the layout that has most of them, or 0.
   */
  readonly owner: number;
}

/** The part of a pool that one worker owns, or, in a survey by layout, that the records of one layout take. */
export interface OwnerShare {
  /** Number of the worker, or of the layout; 0 stands for blocks that belong to none. */
  readonly owner: number;
  /** Bytes that the worker has allocated. */
  readonly allocatedBytes: number;
  /** Bytes that the worker has cached. */
  readonly cachedBytes: number;
}

/**
 * The state of a pool at one moment, divided into a limited number of cells whatever the size of the pool. The counts
 * in `stats` are taken before the cells: if other workers use the pool meanwhile, the cells may show a few blocks more
 * or less.
 *
 * @example Read the cells of a survey
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
  /** Time of the survey, in milliseconds since 1970. */
  readonly time: number;
  /** The result of `stats()`. */
  readonly stats: MemPoolStats;
  /** The parts of the pool, in order of address. */
  readonly cells: readonly SurveyCell[];
  /** Bytes in each cell, except that the last cell may have fewer. */
  readonly bytesPerCell: number;
  /** The share of each owner that has allocated or cached blocks, ordered by number. */
  readonly owners: readonly OwnerShare[];
  /**
   * The longest range without an allocated block, the first of several. Its `byteLength` is 0 if every block is
   * allocated.
   */
  readonly longestFree: { readonly offset: number; readonly byteLength: number };
  /** Only in a survey by layout: the names of the layouts. Layout n, from 1 up, has the name at n - 1. */
  readonly layouts?: readonly string[];
}

/** Options of {@linkcode surveyPool}. */
export interface SurveyOptions {
  /**
   * Maximum number of cells, from 1 to 16,384. Every cell stands for the same number of whole blocks.
   *
   * @default {1024}
   */
  readonly cells?: number;
  /**
   * Whether colours and letters stand for workers, or for the layouts of records. Only a checked pool knows the layout of
   * an allocation.
   *
   * @default {"worker"}
   */
  readonly by?: "worker" | "layout";
}

/**
 * Surveys a pool: counts its blocks and divides it into cells, which the maps draw.
 *
 * The time is proportional to the number of runs in the pool. Until the call returns, it uses about 8 bytes of memory
 * for each run. It takes the lock of the pool, as `stats()` and `blocks()` do. Any worker may survey a pool that it has
 * made or attached.
 *
 * @param pool The pool to survey.
 * @param options Number of cells, and what colours stand for.
 * @returns The survey, which no longer depends on the pool.
 * @throws {TypeError} `cells` is not a number, or `by` is neither "worker" nor "layout".
 * @throws {RangeError} `cells` is not a whole number within its bounds.
 * @throws {MemPoolError} "destroyed", "closed" or "lock-timeout", as `stats()` does; "unsupported" for a survey by layout
 * of a pool that is not checked.
 * @example Draw one survey in two forms
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool } from "mempool";
 * import { mapAsSvg, mapAsText, surveyPool } from "mempool/inspect";
 *
 * using pool = MemPool.init(1024, 64);
 * pool.alloc(100);
 * const survey = surveyPool(pool);
 * const [text, picture] = [mapAsText(survey), mapAsSvg(survey)];
 * assertEquals([text, picture].map((map) => map.includes("worker 1: 2 blocks allocated")), [true, true]);
 * ```
 */
export function surveyPool(pool: Inspectable, options: SurveyOptions = {}): PoolSurvey {
  const limit = numberWithin("cells", options.cells, 1024, 1, 16_384);
  const layouts = checkBy(options.by) === "layout" ? new LayoutNumbers(pool) : undefined;
  const stats = pool.stats();
  const survey = new Surveyor(stats, limit);
  for (const block of pool.blocks()) survey.add(layouts === undefined ? block : layouts.ownerOf(block));
  const finished = survey.finish(stats);
  return layouts === undefined ? finished : { ...finished, layouts: layouts.names };
}

/** Checks an option that says what colours stand for. */
export function checkBy(by: unknown = "worker"): "worker" | "layout" {
  if (by === "worker" || by === "layout") return by;
  throw new TypeError(`Cannot inspect pool: by must be "worker" or "layout", got ${describe(by)}`);
}

type Share = { allocatedBytes: number; cachedBytes: number };

class Surveyor {
  readonly #size: number;
  readonly #bytesPerCell: number;
  readonly #allocated: Float64Array;
  readonly #cached: Float64Array;
  readonly #owners: Float64Array;
  readonly #shares = new Map<number, Share>();
  /** The owner of the last run, and its share, kept because adjacent runs often have the same owner. */
  #owner = NaN;
  #share: Share = { allocatedBytes: 0, cachedBytes: 0 };
  /**
   * The shares of the current cell by owner. Runs arrive in order of address, so only one cell is current at a time.
   */
  readonly #cellShares = new Map<number, Share>();
  #cellShare: Share = { allocatedBytes: 0, cachedBytes: 0 };
  #cell = 0;
  /** The range without an allocated block that ends with the last run. */
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
    // The pool may have grown after `stats` was read. The next survey shows the new blocks.
    const length = Math.min(byteLength, this.#size - offset);
    if (length <= 0) return;
    if (state === "allocated") this.#restartFree(offset + length);
    else this.#extendFree(length);
    if (state === "free") return;
    if (owner !== this.#owner) this.#switchOwner(owner);
    const end = offset + length;
    for (let at = offset; at < end;) at = this.#fill(at, end, state);
  }

  finish(stats: MemPoolStats): PoolSurvey {
    this.#recordCellOwner();
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

  #restartFree(next: number): void {
    this.#free.offset = next;
    this.#free.byteLength = 0;
  }

  #extendFree(length: number): void {
    this.#free.byteLength += length;
    if (this.#free.byteLength > this.#longest.byteLength) this.#longest = { ...this.#free };
  }

  /**
   * Adds the part of a run that lies in the cell at `at`. Returns the end of the cell or of the run, whichever comes
   * first.
   */
  #fill(at: number, end: number, state: "allocated" | "cached"): number {
    const cell = Math.floor(at / this.#bytesPerCell);
    if (cell !== this.#cell) this.#enter(cell);
    const next = Math.min(end, (cell + 1) * this.#bytesPerCell);
    if (state === "allocated") {
      this.#allocated[cell]! += next - at;
      this.#share.allocatedBytes += next - at;
      this.#cellShare.allocatedBytes += next - at;
    } else {
      this.#cached[cell]! += next - at;
      this.#share.cachedBytes += next - at;
      this.#cellShare.cachedBytes += next - at;
    }
    return next;
  }

  #switchOwner(owner: number): void {
    this.#owner = owner;
    this.#share = shareOf(this.#shares, owner);
    this.#cellShare = shareOf(this.#cellShares, owner);
  }

  #enter(cell: number): void {
    this.#recordCellOwner();
    this.#cell = cell;
    this.#cellShares.clear();
    this.#cellShare = shareOf(this.#cellShares, this.#owner);
  }

  #recordCellOwner(): void {
    let most = 0;
    for (const [owner, { allocatedBytes, cachedBytes }] of this.#cellShares) {
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
