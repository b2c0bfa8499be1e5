import { Zobrist } from "./zobrist.ts";

/** The largest board that 4 bits a cell pack into 64 bits. */
const LARGEST_PACKED = 16;

/**
 * Represents a board by two values that `===` can compare, so that a state needs no array. `decode` makes a board the
 * current one; `slide` sets `low` and `high` to a child of the current board.
 */
export interface LeanBoards {
  low: number;
  high: number | string;
  /** Sets `low` and `high` to this board. */
  encode(tiles: Uint8Array): void;
  decode(low: number, high: number | string, tiles: Uint8Array): void;
  /** Sets `low` and `high` to the current board after the tile at `from` has slid to the blank at `to`. */
  slide(tile: number, from: number, to: number): void;
  /** The hash of a board: 32 bits, of which the high ones are the best. */
  hash(low: number, high: number | string): number;
}

export function leanBoards(cells: number): LeanBoards {
  return cells <= LARGEST_PACKED ? new PackedBoards() : new StringBoards(cells);
}

/** Up to 4×4: two integers with 4 bits for each cell. The engines store integers of 32 bits in the object itself. */
class PackedBoards implements LeanBoards {
  low = 0;
  high = 0;
  #low = 0;
  #high = 0;

  encode(tiles: Uint8Array): void {
    this.low = pack(tiles, 0);
    this.high = pack(tiles, 8);
  }

  decode(low: number, high: number, tiles: Uint8Array): void {
    this.#low = low;
    this.#high = high;
    for (let cell = 0; cell < tiles.length; cell++) {
      tiles[cell] = (cell < 8 ? low : high) >>> ((cell & 7) << 2) & 15;
    }
  }

  slide(tile: number, from: number, to: number): void {
    let low = this.#low;
    let high = this.#high;
    if (from < 8) low ^= tile << (from << 2);
    else high ^= tile << ((from & 7) << 2);
    if (to < 8) low ^= tile << (to << 2);
    else high ^= tile << ((to & 7) << 2);
    this.low = low;
    this.high = high;
  }

  hash(low: number, high: number): number {
    let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
    hash = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d);
    return hash ^ hash >>> 13;
  }
}

function pack(tiles: Uint8Array, first: number): number {
  let packed = 0;
  for (let cell = first; cell < Math.min(first + 8, tiles.length); cell++) packed |= tiles[cell]! << ((cell & 7) << 2);
  return packed;
}

/** Larger boards: `high` is the board as a string with one character for each tile, and `low` is its hash. */
class StringBoards implements LeanBoards {
  low = 0;
  high = "";
  readonly #zobrist: Zobrist;
  readonly #codes: number[];
  #hash = 0;

  constructor(cells: number) {
    this.#zobrist = new Zobrist(cells);
    this.#codes = Array<number>(cells).fill(0);
  }

  encode(tiles: Uint8Array): void {
    this.low = this.#zobrist.of(tiles);
    this.high = String.fromCharCode(...tiles);
  }

  decode(low: number, high: string, tiles: Uint8Array): void {
    this.#hash = low;
    for (let cell = 0; cell < tiles.length; cell++) tiles[cell] = this.#codes[cell] = high.charCodeAt(cell);
  }

  slide(tile: number, from: number, to: number): void {
    const codes = this.#codes;
    codes[from] = 0;
    codes[to] = tile;
    this.low = this.#hash ^ this.#zobrist.change(tile, from, to);
    this.high = String.fromCharCode.apply(null, codes);
    codes[from] = tile;
    codes[to] = 0;
  }

  hash(low: number): number {
    return low;
  }
}
