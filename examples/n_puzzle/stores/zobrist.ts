import { Random } from "../random.ts";

/** This many low bits of a hash depend only on the quarters of the board in which the tiles are. */
export const REGION_BITS = 8;

/**
 * Zobrist hashing (1970): there is a random number for each tile on each cell, and the hash of a board is the exclusive
 * or of the numbers that apply. A move replaces one of them by another. The blank's numbers are 0.
 *
 * The low bits of a tile's numbers are equal for all cells of a quarter, so that most moves do not change them
 * (abstract Zobrist hashing: Jinnai and Fukunaga, "Abstract Zobrist hashing: an efficient work distribution method for
 * parallel best-first search", AAAI 2016). The other bits suffice to spread the boards in a table.
 */
export class Zobrist {
  readonly #cells: number;
  readonly #keys: Int32Array;

  constructor(cells: number) {
    const random = new Random(cells);
    const size = Math.sqrt(cells);
    const middle = size >> 1;
    const half = (index: number): number => index < middle ? 0 : middle;
    const regionOf = (cell: number): number => half(Math.floor(cell / size)) * size + half(cell % size);
    const low = (1 << REGION_BITS) - 1;
    const keys = Int32Array.from({ length: cells * cells }, (_, k) => k < cells ? 0 : random.bits());
    this.#cells = cells;
    this.#keys = keys.map((key, k) => key & ~low | keys[k - k % cells + regionOf(k % cells)]! & low);
  }

  of(tiles: Uint8Array): number {
    let hash = 0;
    for (let cell = 0; cell < this.#cells; cell++) hash ^= this.#keys[tiles[cell]! * this.#cells + cell]!;
    return hash;
  }

  /** What the exclusive or has to change in a hash when `tile` moves between these two cells. */
  change(tile: number, from: number, to: number): number {
    return this.#keys[tile * this.#cells + from]! ^ this.#keys[tile * this.#cells + to]!;
  }
}
