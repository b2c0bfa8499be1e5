import { numberWithin } from "./numbers.ts";
import type { PoolSurvey } from "./survey.ts";

/** What history keeps of a survey. Counts are of blocks. */
export interface HistorySample {
  /** When it was, in milliseconds since 1970. */
  readonly time: number;
  /** All blocks that the pool had. */
  readonly blockCount: number;
  /** Those handed out. */
  readonly allocatedBlocks: number;
  /** Those kept at hand. */
  readonly cachedBlocks: number;
  /** As `stats()` has it. */
  readonly fragmentation: number;
}

/**
 * The last surveys of a pool, in short: {@linkcode mapAsText} and {@linkcode mapAsSvg} draw them as curves.
 *
 * @example Two looks at a pool
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
  /** Where the oldest is, once the ring is full. */
  #oldest = 0;

  /**
   * An empty one.
   *
   * @param limit How many it keeps, from 2 to 10,000; 240 unless given. Older ones are forgotten.
   */
  constructor(limit?: number) {
    this.#limit = numberWithin("history", limit, 240, 2, 10_000);
  }

  /** Adds a survey, the newest one. */
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

  /** What it has, oldest first. */
  samples(): HistorySample[] {
    return [...this.#ring.slice(this.#oldest), ...this.#ring.slice(0, this.#oldest)];
  }
}
