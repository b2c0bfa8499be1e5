import type { Records } from "../../../mod.ts";

/**
 * States as records of a fixed size, named by references:
 *
 *     parent          the state one move earlier; NONE for the first state; REPLACED if a shorter path was found
 *     link            in a new state: the hash of its board; on the frontier: the next state in the same stack
 *     g, h            the moves so far; a lower bound for those that remain
 *     blank           the cell of the blank
 *     previousBlank   the cell of the blank one move earlier
 *     tiles           one byte for each cell, in whole words, which are compared and copied faster than bytes
 */
export type StateFields = {
  readonly parent: "ref";
  readonly link: "ref";
  readonly g: "u16";
  readonly h: "u16";
  readonly blank: "u8";
  readonly previousBlank: "u8";
  readonly tiles: readonly ["i32", number];
};

/** What the search needs of the records. Stores without typed records imitate them. */
export type StateRecords = Pick<Records<StateFields>, "get" | "set" | "alloc" | "free">;

/** Where the states are, and beside them the tables of the search. */
export interface StateMemory {
  readonly states: StateRecords;
  /** Allocates words with unspecified contents. Throws `StoreFullError` when there is no room. */
  allocateTable(words: number): Words;
  releaseTable(table: Words): void;
  /** Releases all states and tables at once. */
  close(): void;
}

export type Words = Int32Array<ArrayBuffer>;

export const NONE = -1;
export const REPLACED = -2;

/** The number of words that the tiles of a board take. */
export function tileWords(cells: number): number {
  return Math.ceil(cells / 4);
}

/** The size in bytes of a record for a board of this many cells. */
export function recordBytes(cells: number): number {
  return 16 + 4 * tileWords(cells);
}

/** The place of a cell's byte in its word: the number of its lowest bit. */
export function shiftOf(cell: number): number {
  return (cell & 3) << 3;
}

/** Copies the board of a state. */
export function readTiles(get: StateRecords["get"], ref: number, tiles: Uint8Array): void {
  const cells = tiles.length;
  for (let word = 0, cell = 0; cell < cells; word++) {
    const end = Math.min(cell + 4, cells);
    for (let four = get.tiles(ref, word); cell < end; cell++, four >>>= 8) tiles[cell] = four;
  }
}

/** The store has no room for another state. */
export class StoreFullError extends Error {
  override readonly message = "The pool is full";
}
