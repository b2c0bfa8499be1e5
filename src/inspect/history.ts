import { numberWithin } from "./numbers.ts";
import type { PoolSurvey } from "./survey.ts";

/** The part of a survey that a {@linkcode PoolHistory} keeps. */
export interface HistorySample {
  /** Time of the survey, in milliseconds since 1970. */
  readonly time: number;
  /** Number of all blocks of the pool. */
  readonly blockCount: number;
  /** Number of allocated blocks. */
  readonly allocatedBlocks: number;
  /** Number of blocks in worker caches. */
  readonly cachedBlocks: number;
  /** Fragmentation as in `stats()`, from 0 to 1. */
  readonly fragmentation: number;
}

/**
 * The most recent surveys of a pool, reduced to their counts. {@linkcode mapAsText} and {@linkcode mapAsSvg} draw them
 * as curves. Adding a survey takes constant time. A history belongs to the worker that made it.
 *
 * @example Keep two surveys of a pool
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool } from "mempool";
 * import { PoolHistory, surveyPool } from "mempool/inspect";
 *
 * using pool = MemPool.init(1024, 64);
 * const history = new PoolHistory(100);
 * history.add(surveyPool(pool));
 * pool.alloc(64);
 * history.add(surveyPool(pool));
 * assertEquals(history.samples().map(({ allocatedBlocks }) => allocatedBlocks), [0, 1]);
 * ```
 */
export class PoolHistory {
  readonly #limit: number;
  readonly #ring: HistorySample[] = [];
  /** Index of the oldest sample once the ring is full. */
  #oldest = 0;

  /**
   * Creates an empty history.
   *
   * @param limit Number of surveys to keep, from 2 to 10,000; 240 by default. A further survey replaces the oldest one.
   * @throws {TypeError} `limit` is not a number.
   * @throws {RangeError} `limit` is not a whole number within its bounds.
   */
  constructor(limit?: number) {
    this.#limit = numberWithin("history", limit, 240, 2, 10_000);
  }

  /** Adds a survey as the newest one. */
  add({ time, stats }: PoolSurvey): void {
    const { blockCount, allocatedBlocks, cachedBlocks, fragmentation } = stats;
    const sample = { time, blockCount, allocatedBlocks, cachedBlocks, fragmentation };
    if (this.#ring.length < this.#limit) {
      this.#ring.push(sample);
      return;
    }
    this.#ring[this.#oldest] = sample;
    this.#oldest = (this.#oldest + 1) % this.#limit;
  }

  /** Returns a copy of the samples, oldest first. */
  samples(): HistorySample[] {
    return [...this.#ring.slice(this.#oldest), ...this.#ring.slice(0, this.#oldest)];
  }
}
