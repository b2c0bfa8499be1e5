import { LineConflicts } from "./line_conflicts.ts";

/**
 * Manhattan distance plus linear conflict (Hansson, Mayer and Yung, "Criticizing solutions to relaxed models yields
 * powerful admissible heuristics", Information Sciences 63, 1992).
 *
 * Take a line (a row or a column) with k tiles whose goals are in this line. If at most s of them can stay in the line
 * in the right order, the other k - s must leave it and return: two moves each that the Manhattan distance does not
 * count. s is the length of the longest increasing subsequence of their goal places.
 *
 * The heuristic is consistent. A tile that slides along a row keeps the order of that row; it leaves one column and
 * enters another. If its goal is in the column that it leaves, the Manhattan distance grows by 1 and the conflict of
 * that column shrinks by 0 or 2. If its goal is in the column that it enters, the distance shrinks by 1 and that
 * conflict grows by 0 or 2. Otherwise no conflict changes. So h changes by exactly 1, the cost of a move. Because h of
 * the goal is 0, the heuristic is also admissible.
 */
export class Heuristic {
  readonly size: number;
  readonly #cells: number;
  /** Manhattan distance of `tile` from `cell`, at `tile * cells + cell`. */
  readonly #distance: Uint8Array;
  /**
   * The tile's goal place in the line, from 1, at `line * cells + tile`; 0 if its goal is in another line. The lines
   * are the rows, then the columns.
   */
  readonly #place: Uint8Array;
  readonly #conflicts: LineConflicts;

  constructor(size: number) {
    const cells = size * size;
    this.size = size;
    this.#cells = cells;
    this.#distance = new Uint8Array(cells * cells);
    this.#place = new Uint8Array(2 * size * cells);
    this.#conflicts = new LineConflicts(size);
    for (let tile = 1; tile < cells; tile++) {
      const goalRow = Math.floor((tile - 1) / size);
      const goalColumn = (tile - 1) % size;
      this.#place[goalRow * cells + tile] = goalColumn + 1;
      this.#place[(size + goalColumn) * cells + tile] = goalRow + 1;
      for (let cell = 0; cell < cells; cell++) {
        const rows = Math.abs(Math.floor(cell / size) - goalRow);
        const columns = Math.abs(cell % size - goalColumn);
        this.#distance[tile * cells + cell] = rows + columns;
      }
    }
  }

  /** The h of a board. */
  of(tiles: Uint8Array): number {
    const size = this.size;
    let h = 0;
    for (let cell = 0; cell < tiles.length; cell++) h += this.#distance[tiles[cell]! * this.#cells + cell]!;
    for (let line = 0; line < size; line++) {
      h += 2 * this.#conflicts.count(this.#lineKey(tiles, line, line * size, 1));
      h += 2 * this.#conflicts.count(this.#lineKey(tiles, size + line, line, size));
    }
    return h;
  }

  /**
   * The change of h, +1 or -1, when the tile at `from` slides to the blank at `to`. Reads one line at most.
   */
  change(tiles: Uint8Array, from: number, to: number): number {
    const size = this.size;
    const cells = this.#cells;
    const tile = tiles[from]!;
    const step = this.#distance[tile * cells + to]! - this.#distance[tile * cells + from]!;
    // Towards its goal the tile may enter its goal line, away from it the tile may leave it: only that line matters.
    const cell = step < 0 ? to : from;
    const row = (cell / size) | 0;
    const column = cell - row * size;
    const alongRow = from - to === 1 || to - from === 1;
    const line = alongRow ? size + column : row;
    const place = this.#place[line * cells + tile]!;
    if (place === 0) return step;
    const key = alongRow ? this.#lineKey(tiles, line, column, size) : this.#lineKey(tiles, line, row * size, 1);
    const own = this.#conflicts.digit(place, alongRow ? row : column);
    const others = step < 0 ? key : key - own;
    return this.#conflicts.count(others) === this.#conflicts.count(others + own) ? step : -step;
  }

  /** The contents of a line, as a number in base size + 1. Its digits are the tiles' goal places in that line. */
  #lineKey(tiles: Uint8Array, line: number, first: number, stride: number): number {
    const base = this.size + 1;
    const row = line * this.#cells;
    let key = 0;
    for (let k = 0, cell = first; k < this.size; k++, cell += stride) {
      key = key * base + this.#place[row + tiles[cell]!]!;
    }
    return key;
  }
}
