/**
 * States as records of a fixed size.
 *
 * A reference is the offset of a record in units of 16 bytes, so that 31 bits address 32 GiB. The fields of a record
 * are words of 32 bits:
 *
 *     PARENT   reference of the state one move earlier; NONE for the first state; REPLACED if a shorter path was found
 *     HASH     in a new state: the hash of its board
 *     NEXT     in a state on the frontier, in the same word: reference of the next state in the same stack
 *     COST     g << 16 | h
 *     BLANKS   cell of the blank one move earlier << 8 | cell of the blank
 *     TILES …  one byte for each cell
 */
export interface Records {
  /** The size of one record in bytes. */
  readonly byteLength: number;
  /** Allocates a record with unspecified contents. Throws `StoreFullError` when there is no room. */
  allocate(): number;
  release(ref: number): void;
  /** Allocates words with unspecified contents beside the records. Throws `StoreFullError` when there is no room. */
  allocateTable(words: number): Words;
  releaseTable(table: Words): void;
  get(ref: number, field: number): number;
  set(ref: number, field: number, value: number): void;
  writeTiles(ref: number, tiles: Uint8Array): void;
  readTiles(ref: number, tiles: Uint8Array): void;
  /** Writes the board of `parent` after `tile` has moved from one cell to the other. */
  writeMoved(ref: number, parent: number, tile: number, from: number, to: number): void;
  sameTiles(a: number, b: number): boolean;
  /** Releases all records and tables at once. */
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

/** The number of bytes in one unit of a reference. */
export const UNIT = 16;

/** The size in bytes of a record for a board of this many cells. The tiles take whole words. */
export function recordBytes(cells: number): number {
  return 4 * TILES + Math.ceil(cells / 4) * 4;
}

/** The store has no room for another state. */
export class StoreFullError extends Error {
  override readonly message = "The pool is full";
}
