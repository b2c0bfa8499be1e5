import { Zobrist } from "../stores/zobrist.ts";

/**
 * Which worker owns a board. Every board must have one owner, all owners about as many boards, and most children the
 * owner of their parent, because handing a state over costs more than keeping it. So the hash looks only at which
 * quarter of the board each tile is in (abstract Zobrist hashing: Jinnai and Fukunaga, "Abstract Zobrist hashing: an
 * efficient work distribution method for parallel best-first search", AAAI 2016): of the 24 moves of a 4×4 board, 8
 * cross a border.
 */
export class Partition {
  readonly #workers: number;
  readonly #zobrist: Zobrist;

  constructor(size: number, workers: number) {
    const middle = size >> 1;
    const half = (index: number): number => index < middle ? 0 : middle;
    const regionOf = (cell: number): number => half(Math.floor(cell / size)) * size + half(cell % size);
    this.#workers = workers;
    this.#zobrist = new Zobrist(size * size, regionOf);
  }

  /** What `ownerOf` goes by. */
  markOf(tiles: Uint8Array): number {
    return this.#zobrist.of(tiles);
  }

  /** By what a mark changes, through exclusive or, when `tile` moves between these two cells. */
  change(tile: number, from: number, to: number): number {
    return this.#zobrist.change(tile, from, to);
  }

  ownerOf(mark: number): number {
    return (mark >>> 16) * this.#workers >>> 16;
  }
}
