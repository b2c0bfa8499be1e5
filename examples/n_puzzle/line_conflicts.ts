/**
 * Up to this size a table of all lines is small (7^6 bytes) and quick to make. For larger boards, lines are computed.
 */
const LARGEST_TABLE_SIZE = 6;

/**
 * Counts the tiles that must leave a line so that the others are in order.
 *
 * A line is a number in base size + 1, with the first cell as the highest digit. A digit is the goal place of the tile
 * in this line, from 1. It is 0 for the blank and for a tile whose goal is in another line.
 */
export class LineConflicts {
  readonly #size: number;
  readonly #base: number;
  /** The place value of the digit of each cell. */
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

  /** What the goal place `place` at cell `index` contributes to the number of a line. */
  digit(place: number, index: number): number {
    return place * this.#worth[index]!;
  }

  count(line: number): number {
    return this.#table === null ? this.#compute(line) : this.#table[line]!;
  }

  /** The tiles that belong in the line, minus those that can stay: their longest increasing subsequence. */
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
