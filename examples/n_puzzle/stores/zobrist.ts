import { Random } from "../random.ts";

/**
 * Zobrist hashing (1970): a random number for each tile on each cell; a board's hash is the exclusive or of those that
 * apply, so that a move changes it by two of them. The blank has 0.
 *
 * Where several cells count as one, as `regionOf` says, boards that differ only inside of regions have the same hash:
 * the abstract Zobrist hashing of Jinnai and Fukunaga (2016).
 */
export class Zobrist {
  readonly #cells: number;
  readonly #keys: Int32Array;

  constructor(cells: number, regionOf: (cell: number) => number = (cell) => cell) {
    const random = new Random(cells);
    this.#cells = cells;
    const keys = Int32Array.from({ length: cells * cells }, (_, k) => k < cells ? 0 : random.bits());
    this.#keys = keys.map((_, k) => keys[k - k % cells + regionOf(k % cells)]!);
  }

  of(tiles: Uint8Array): number {
    let hash = 0;
    for (let cell = 0; cell < this.#cells; cell++) hash ^= this.#keys[tiles[cell]! * this.#cells + cell]!;
    return hash;
  }

  /** By what a hash changes, through exclusive or, when `tile` moves between these two cells. */
  change(tile: number, from: number, to: number): number {
    return this.#keys[tile * this.#cells + from]! ^ this.#keys[tile * this.#cells + to]!;
  }
}
