/** Up to this size a table of all lines is small (7^6 bytes) and quickly made; above it each line is computed. */
const LARGEST_TABLE_SIZE = 6;

/**
 * How many tiles must leave a line so that the others stand in order.
 *
 * A line is a number in base size + 1, first cell first; a digit is the place from 1 where the tile belongs in this
 * line, or 0 for a tile that belongs elsewhere, and for the blank.
 */
export class LineConflicts {
  readonly #size: number;
  readonly #base: number;
  /** What a digit at each cell of the line is worth. */
  readonly #worth: Float64Array;
  readonly #table: Uint8Array | null;
  /** Scratch: the length of the longest increasing subsequence that ends at each cell. */
  readonly #longest: Uint8Array;
  readonly #digits: Uint8Array;

  constructor(size: number) {
    this.#size = size;
    this.#base = size + 1;
    this.#worth = Float64Array.from({ length: size }, (_, index) => this.#base ** (size - 1 - index));
    this.#longest = new Uint8Array(size);
    this.#digits = new Uint8Array(size);
    this.#table = size <= LARGEST_TABLE_SIZE
      ? Uint8Array.from({ length: this.#base ** size }, (_, line) => this.#compute(line))
      : null;
  }

  /** The part of a line's number that `place` at cell `index` of the line makes up. */
  digit(place: number, index: number): number {
    return place * this.#worth[index]!;
  }

  count(line: number): number {
    return this.#table === null ? this.#compute(line) : this.#table[line]!;
  }

  /** Tiles that belong in the line, less those of them that can stay: their longest increasing subsequence. */
  #compute(line: number): number {
    const digits = this.#digits;
    for (let k = this.#size - 1; k >= 0; k--) {
      digits[k] = line % this.#base;
      line = Math.floor(line / this.#base);
    }
    let belonging = 0;
    let staying = 0;
    for (let k = 0; k < this.#size; k++) {
      const place = digits[k]!;
      let longest = 0;
      if (place > 0) {
        belonging++;
        longest = 1;
        for (let j = 0; j < k; j++) {
          if (digits[j]! > 0 && digits[j]! < place && this.#longest[j]! >= longest) longest = this.#longest[j]! + 1;
        }
      }
      this.#longest[k] = longest;
      if (longest > staying) staying = longest;
    }
    return belonging - staying;
  }
}
