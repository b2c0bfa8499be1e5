import { CACHED_BLOCKS, DESCRIPTOR_WORDS, NONE, tableWord } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { validHighWater, validLength } from "../region/validate.ts";
import type { Mapping } from "../runtime/native.ts";

/** How much goes back in one critical section, which takes some milliseconds. */
const BYTES_PER_STEP = 2 ** 26;

/** The result of one step of `trim`. */
export interface TrimStep {
  /** The block at which the next step starts; NONE after the last step. */
  readonly next: number;
  /** How many resident bytes went back. */
  readonly bytes: number;
}

/** Gives the memory of free runs back to the system. The caller holds the lock. */
export class Trimmer {
  readonly #mapping: Pick<Mapping, "discardData" | "discardMeta">;
  readonly #region: Region;
  readonly #blocksPerStep: number;

  constructor(mapping: Pick<Mapping, "discardData" | "discardMeta">, region: Region) {
    this.#mapping = mapping;
    this.#region = region;
    this.#blocksPerStep = Math.ceil(BYTES_PER_STEP / region.blockSize);
  }

  /** Gives back some free runs from this block on. Blocks above high water have never been handed out or cached. */
  trim(from: number): TrimStep {
    const { header, table } = this.#region;
    const highWater = Math.min(validHighWater(header), table.blockCount);
    let bytes = 0;
    let left = this.#blocksPerStep;
    for (let run = 0; run < highWater;) {
      const length = validLength(table, run);
      const first = Math.max(run, from);
      const end = Math.min(run + length, first + left, highWater);
      if (table.isFree(run) && end > first) {
        bytes += this.#discard(run, length, first, end);
        left -= end - first;
        if (left <= 0) return { next: end, bytes };
      }
      run += length;
    }
    return { next: NONE, bytes };
  }

  /** Gives back the blocks from `first` to the one before `end`, which belong to the free run at `run`. */
  #discard(run: number, length: number, first: number, end: number): number {
    const { blockSize } = this.#region;
    const bytes = this.#mapping.discardData(first * blockSize, (end - first) * blockSize);
    if (bytes > 0) this.#discardDescriptors(run, length);
    return bytes;
  }

  /** The descriptors inside a free run mean nothing, and zeros read as INTERIOR. */
  #discardDescriptors(run: number, length: number): void {
    const word = tableWord(this.#region.header[CACHED_BLOCKS]!) + (run + 1) * DESCRIPTOR_WORDS;
    const words = Math.max(0, length - 2) * DESCRIPTOR_WORDS;
    this.#mapping.discardMeta(word * Int32Array.BYTES_PER_ELEMENT, words * Int32Array.BYTES_PER_ELEMENT);
  }
}
