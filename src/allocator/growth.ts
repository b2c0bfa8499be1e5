import type { Mapping } from "../runtime/native.ts";
import { GROWN, NONE } from "../region/layout.ts";
import { validBlockCount } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

/**
 * Makes a pool longer that is exhausted, within what was reserved for it. Addresses stay what they are, so offsets, buffers
 * and views do too. The caller holds the lock.
 */
export class Growth {
  readonly #mapping: Pick<Mapping, "grow">;
  readonly #region: Region;

  constructor(mapping: Pick<Mapping, "grow">, region: Region) {
    this.#mapping = mapping;
    this.#region = region;
  }

  /**
   * Doubles the pool, or more if so many further runs of this length would not fit then; less where less is reserved.
   * Says whether they fit now; if they do not, nothing has changed.
   */
  grow(missing: number, length: number): boolean {
    return this.#growBy(this.#needed(missing, length));
  }

  /** As `grow`, for a run at the end of the pool that could become so long with the free blocks before and after it. */
  growBehind(block: number, length: number): void {
    const { table } = this.#region;
    const own = block + table.length(block);
    const right = table.freeRunAt(own);
    const end = right === NONE ? own : own + table.length(right);
    const left = table.freeRunBefore(block);
    const missing = length - (end - (left === NONE ? block : left));
    if (end === table.blockCount && missing > 0) this.#growBy(missing);
  }

  #growBy(needed: number): boolean {
    const { table, runs, counters, blockSize } = this.#region;
    const count = validBlockCount(this.#region);
    if (needed > table.capacity - count) return false;
    const end = Math.min(table.capacity, count + Math.max(count, needed));
    if (!this.#mapping.grow(end * blockSize)) return false;
    runs.extend(end);
    counters[GROWN]!++;
    return true;
  }

  /** The last blocks may be free already, but too few for one run more. */
  #needed(missing: number, length: number): number {
    const { table } = this.#region;
    const last = table.freeRunBefore(table.blockCount);
    const free = last === NONE ? 0 : table.length(last);
    return (Math.floor(free / length) + missing) * length - free;
  }
}
