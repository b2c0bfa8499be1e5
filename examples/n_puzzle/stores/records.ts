/**
 * States as records of fixed size, and how to reach their fields.
 *
 * A record is named by its reference, its offset in units of 16 bytes: 31 bits name 32 GiB. Its fields, in words of
 * 32 bits:
 *
 *     PARENT   reference of the state one move earlier, NONE for the first; REPLACED once a shorter way was found
 *     HASH     of a new state: the hash of its board
 *     NEXT     of a state on the frontier, in the same word: reference of the next state in the same stack
 *     COST     g << 16 | h
 *     BLANKS   cell of the blank one move earlier << 8 | cell of the blank
 *     TILES …  one byte for each cell
 */
export interface Records {
  /** Bytes of one record. */
  readonly byteLength: number;
  /** A record of unspecified contents. Throws `StoreFullError` when there is no room. */
  allocate(): number;
  release(ref: number): void;
  /** So many words of unspecified contents, next to the records. Throws `StoreFullError` when there is no room. */
  allocateTable(words: number): Words;
  releaseTable(table: Words): void;
  get(ref: number, field: number): number;
  set(ref: number, field: number, value: number): void;
  /** Writes a whole board. */
  writeTiles(ref: number, tiles: Uint8Array): void;
  readTiles(ref: number, tiles: Uint8Array): void;
  /** Writes the board of `parent` with `tile` moved from one cell to the other. */
  writeMoved(ref: number, parent: number, tile: number, from: number, to: number): void;
  sameTiles(a: number, b: number): boolean;
  /** Gives all records and tables back at once. */
  close(): void;
}

export type Words = Int32Array<ArrayBuffer>;

export const NONE = -1;
export const REPLACED = -2;

export const PARENT = 0;
export const HASH = 1;
export const NEXT = HASH;
export const COST = 2;
export const BLANKS = 3;
export const TILES = 4;

/** Bytes to a unit of a reference. */
export const UNIT = 16;

/** Bytes that a record of so many cells takes; the words of the tiles are whole. */
export function recordBytes(cells: number): number {
  return 4 * TILES + Math.ceil(cells / 4) * 4;
}

/** The store has no room for one more state. */
export class StoreFullError extends Error {
  override readonly message = "The pool is full";
}
