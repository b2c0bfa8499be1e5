import type { BlockInfo } from "./diagnostics/block_list.ts";
import { type Inspection, INSPECTORS } from "./runtime/console.ts";
import type { LeakInfo } from "./checked/leaks.ts";
import { liveOperations, Membership, regionOf } from "./membership.ts";
import type { MemPoolStats } from "./diagnostics/stats.ts";
import { summaryOf } from "./diagnostics/summary.ts";

/** What `console.log` prints of a pool; of what only has its methods, such as the prototype, just the name. */
function inspect(this: object, levels: unknown, inspection?: Inspection): string {
  const region = regionOf(this);
  if (region === undefined) return "MemPool {}";
  const { blockSize, blockCount } = this as Membership;
  return summaryOf({ blockSize, blockCount, region }, levels, inspection);
}

/**
 * The part of a {@linkcode MemPool} that looks inside: for tests, for debugging, for measuring. Users have it through
 * `MemPool`.
 *
 * @example Is all given back, and all well?
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemPool } from "mempool";
 *
 * using pool = MemPool.init(1024, 64);
 * pool.free(pool.alloc(50)!);
 * pool.check();
 * assertEquals(pool.stats().allocatedBlocks, 0);
 * ```
 */
export class Insight extends Membership {
  static {
    for (const name of INSPECTORS) {
      Object.defineProperty(this.prototype, name, { value: inspect, writable: true, configurable: true });
    }
  }

  /**
   * Counts the pool, under the lock: what other workers just take from or give to their caches may count either way.
   * Takes time proportional to the number of runs. Example: {@linkcode MemPoolStats}.
   */
  stats(): MemPoolStats {
    return liveOperations(this, "count").stats();
  }

  /**
   * What is still allocated in a checked pool, by any worker, oldest first. Takes time proportional to the number of runs.
   * Example: {@linkcode LeakInfo}.
   *
   * @throws {MemPoolError} "unsupported": the pool was made without `checked: true`.
   */
  leaks(): LeakInfo[] {
    return liveOperations(this, "list leaks").leaks();
  }

  /**
   * Walks everything and tests the invariants of docs/design.md, under the lock: for tests. Takes time proportional to
   * the number of blocks ever used.
   *
   * @throws {MemPoolError} "corrupt": names the first invariant that is broken.
   */
  check(): void {
    liveOperations(this, "check").check();
  }

  /**
   * Every run of the pool in order of address, as it is now: the entries tile the data, without a hole and without an
   * overlap, also while other workers go on. What they just take from or give to their caches may count either way. The
   * lock is held while the runs are noted, eight bytes each, which takes time proportional to their number; the entries
   * are made one by one as they are asked for. Example: {@linkcode BlockInfo}.
   *
   * @returns The runs. It can be iterated any number of times, and at any time: it does not change any more.
   */
  blocks(): Iterable<BlockInfo> {
    return liveOperations(this, "list blocks").blocks();
  }
}
