import { Random } from "./random.ts";

/** The tiles in row-major order, 0 for the blank. The goal is 1, 2, 3, … with the blank last. */
export interface Puzzle {
  readonly size: number;
  readonly tiles: Uint8Array;
}

export const MIN_SIZE = 2;
export const MAX_SIZE = 10;

/** A mistake in a puzzle or an option, explained to the user in one line. */
export class UsageError extends Error {}

/** Reads n·n numbers, separated by blanks or commas. Refuses anything that is not a puzzle with a solution. */
export function parsePuzzle(text: string): Puzzle {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const size = Math.sqrt(words.length);
  if (!Number.isInteger(size) || size < MIN_SIZE || size > MAX_SIZE) {
    throw new UsageError(
      `Cannot read the puzzle: it has ${words.length} numbers but needs n·n, with n from ${MIN_SIZE} to ${MAX_SIZE}`,
    );
  }
  const cells = size * size;
  const tiles = new Uint8Array(cells);
  const seen = new Set<number>();
  for (const [cell, word] of words.entries()) {
    const tile = /^\d{1,2}$/.test(word) ? Number(word) : NaN;
    if (!(tile < cells)) {
      throw new UsageError(
        `Cannot read the puzzle: ${JSON.stringify(word)} is not a whole number from 0 to ${cells - 1}`,
      );
    }
    if (seen.has(tile)) throw new UsageError(`Cannot read the puzzle: it has the tile ${tile} twice`);
    seen.add(tile);
    tiles[cell] = tile;
  }
  const puzzle = { size, tiles };
  if (!isSolvable(puzzle)) {
    throw new UsageError(
      "Cannot solve the puzzle: it is an odd number of swaps away from the goal, and every move keeps that number odd",
    );
  }
  return puzzle;
}

/** The solved board. */
export function goalTiles(size: number): Uint8Array {
  return Uint8Array.from({ length: size * size }, (_, cell) => (cell + 1) % (size * size));
}

/** A puzzle that is `moves` random moves away from the goal. No move undoes the one before it. */
export function randomPuzzle(size: number, moves: number, seed: number): Puzzle {
  const random = new Random(seed);
  const tiles = goalTiles(size);
  let blank = tiles.length - 1;
  let previous = -1;
  for (let move = 0; move < moves; move++) {
    const choices = neighbours(size, blank).filter((cell) => cell !== previous);
    const next = choices[random.below(choices.length)]!;
    tiles[blank] = tiles[next]!;
    tiles[next] = 0;
    previous = blank;
    blank = next;
  }
  return { size, tiles };
}

/** The neighbours of `cell`: above, left, right, below. */
export function neighbours(size: number, cell: number): number[] {
  const row = Math.floor(cell / size);
  const column = cell % size;
  const cells: number[] = [];
  if (row > 0) cells.push(cell - size);
  if (column > 0) cells.push(cell - 1);
  if (column < size - 1) cells.push(cell + 1);
  if (row < size - 1) cells.push(cell + size);
  return cells;
}

/**
 * Whether moves can reach the goal. A move swaps the blank with a tile. So it flips the parity of the permutation, and
 * also the parity of the blank's distance from its goal. A board can be solved exactly if the two parities are equal
 * (Johnson and Story, 1879).
 */
export function isSolvable({ size, tiles }: Puzzle): boolean {
  const cells = tiles.length;
  const blank = tiles.indexOf(0);
  const blankDistance = 2 * (size - 1) - Math.floor(blank / size) - blank % size;
  const visited = new Uint8Array(cells);
  let swaps = 0;
  for (let start = 0; start < cells; start++) {
    let length = 0;
    for (let cell = start; !visited[cell]; cell = (tiles[cell]! + cells - 1) % cells) {
      visited[cell] = 1;
      length++;
    }
    if (length > 0) swaps += length - 1;
  }
  return swaps % 2 === blankDistance % 2;
}
