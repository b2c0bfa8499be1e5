import type { Mapping } from "../runtime/native.ts";
import { CACHED_BLOCKS, DESCRIPTOR_WORDS, NONE, tableWord } from "../region/layout.ts";
import { validLength } from "../region/validate.ts";
import type { Region } from "../region/region.ts";

/** So much goes back in one critical section, which takes some milliseconds. */
const BYTES_AT_A_TIME = 2 ** 26;

/** Gives the memory of free runs back to the system. The caller holds the lock. */
export class Trimmer {
  readonly #mapping: Pick<Mapping, "discardData" | "discardMeta">;
  readonly #region: Region;
  readonly #blocksAtATime: number;
  #bytes = 0;

  constructor(mapping: Pick<Mapping, "discardData" | "discardMeta">, region: Region) {
    this.#mapping = mapping;
    this.#region = region;
    this.#blocksAtATime = Math.ceil(BYTES_AT_A_TIME / region.blockSize);
  }

  /** How much went back by the last call of `trim`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Goes on from a block, through some free runs. Returns the block to go on from next time, NONE at the end. */
  trim(from: number): number {
    const { table } = this.#region;
    this.#bytes = 0;
    let left = this.#blocksAtATime;
    for (let run = 0; run < table.blockCount;) {
      const length = validLength(table, run);
      if (table.isFree(run) && run + length > from) {
        const end = Math.min(run + length, Math.max(run, from) + left);
        left -= this.#trimRun(run, length, Math.max(run, from), end);
        if (left <= 0) return end;
      }
      run += length;
    }
    return NONE;
  }

  /** Trims blocks of a free run, from `first` to the one before `end`. Returns how many those were that may not be zero. */
  #trimRun(run: number, length: number, first: number, end: number): number {
    const { zeroed } = this.#region;
    const used = Math.min(end, zeroed.highWater);
    let count = 0;
    for (let block = zeroed.next(false, first, used); block < used; block = zeroed.next(false, block, used)) {
      const next = zeroed.next(true, block, used);
      count += next - block;
      if (this.#discard(block, next)) zeroed.mark(block, next);
      block = next;
    }
    if (count > 0) this.#discardDescriptors(run, length);
    this.#lowerHighWater(run, run + length);
    return count;
  }

  /** Says whether they are zero now: not where there is no whole page, or where the system refuses. */
  #discard(first: number, end: number): boolean {
    const { blockSize } = this.#region;
    const bytes = this.#mapping.discardData(first * blockSize, (end - first) * blockSize);
    this.#bytes += bytes;
    return bytes > 0;
  }

  /** Those inside of the run mean nothing, and zeros, which say the same. */
  #discardDescriptors(run: number, length: number): void {
    const word = tableWord(this.#region.header[CACHED_BLOCKS]!) + (run + 1) * DESCRIPTOR_WORDS;
    const words = Math.max(0, length - 2) * DESCRIPTOR_WORDS;
    this.#mapping.discardMeta(word * Int32Array.BYTES_PER_ELEMENT, words * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Where all from here to high water is marked, high water says it with less. */
  #lowerHighWater(run: number, end: number): void {
    const { zeroed } = this.#region;
    const { highWater } = zeroed;
    if (highWater <= run || highWater > end || zeroed.next(false, run, highWater) < highWater) return;
    zeroed.clear(run, highWater);
    zeroed.highWater = run;
  }
}
