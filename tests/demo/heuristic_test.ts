import { assertEquals } from "@std/assert";
import { Heuristic } from "../../examples/n_puzzle/heuristic.ts";
import { LineConflicts } from "../../examples/n_puzzle/line_conflicts.ts";
import { goalTiles, neighbours } from "../../examples/n_puzzle/puzzle.ts";
import { Random } from "../../examples/n_puzzle/random.ts";
import { test } from "../support/harness.ts";
import { distancesFromGoal, slide, tilesOf } from "./_search.ts";

for (const size of [2, 3, 4, 5, 7, 10]) {
  test(`heuristic ${size}×${size} - 0 at the goal, and on a walk every update equals the h of the whole board`, () => {
    const heuristic = new Heuristic(size);
    const random = new Random(size);
    let tiles = goalTiles(size);
    let h = heuristic.of(tiles);
    assertEquals(h, 0);
    for (let move = 0; move < 2000; move++) {
      const blank = tiles.indexOf(0);
      const cells = neighbours(size, blank);
      const from = cells[random.below(cells.length)]!;
      h += heuristic.change(tiles, from, blank);
      tiles = slide(tiles, from, blank);
      assertEquals(h, heuristic.of(tiles));
    }
  });
}

for (const size of [2, 3]) {
  test(`heuristic ${size}×${size} - admissible on every board, consistent over every move`, () => {
    const heuristic = new Heuristic(size);
    const inadmissible: string[] = [];
    const inconsistent: string[] = [];
    for (const [board, distance] of distancesFromGoal(size)) {
      const tiles = tilesOf(board);
      const h = heuristic.of(tiles);
      if (h > distance || (distance - h) % 2 !== 0) inadmissible.push(`${tiles}: ${h} at distance ${distance}`);
      const blank = tiles.indexOf(0);
      for (const from of neighbours(size, blank)) {
        if (Math.abs(heuristic.change(tiles, from, blank)) !== 1) inconsistent.push(`${tiles}: ${from}`);
      }
    }
    assertEquals(inadmissible, []);
    assertEquals(inconsistent, []);
  });
}

test("heuristic - counts moves that the Manhattan distance misses", () => {
  const swapped = Uint8Array.from([2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 14, 0]);
  assertEquals(new Heuristic(4).of(swapped), 2 + 2 + 2 + 2);
  const reversed = Uint8Array.from([4, 3, 2, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0]);
  assertEquals(new Heuristic(4).of(reversed), 8 + 6);
});

for (const size of [2, 3, 4]) {
  test(`line conflicts of ${size} - every line, compared with trying all subsets`, () => {
    const conflicts = new LineConflicts(size);
    for (let line = 0; line < (size + 1) ** size; line++) {
      const places = Array.from(
        { length: size },
        (_, k) => Math.floor(line / (size + 1) ** (size - 1 - k)) % (size + 1),
      );
      const belonging = places.filter((place) => place > 0);
      assertEquals(conflicts.count(line), fewestToRemove(belonging), `line ${places}`);
    }
  });
}

test("line conflicts of 10 - computed, because a table would be too large", () => {
  const conflicts = new LineConflicts(10);
  const lineOf = (places: number[]) => places.reduce((line, place, k) => line + conflicts.digit(place, k), 0);
  assertEquals(conflicts.count(lineOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), 0);
  assertEquals(conflicts.count(lineOf([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])), 9);
  assertEquals(conflicts.count(lineOf([0, 2, 0, 1, 0, 0, 0, 10, 9, 3])), 3);
});

/** Tries all subsets of the places that could stay. */
function fewestToRemove(places: number[]): number {
  let most = 0;
  for (let subset = 0; subset < 1 << places.length; subset++) {
    const staying = places.filter((_, k) => subset >> k & 1);
    if (staying.every((place, k) => k === 0 || place > staying[k - 1]!)) most = Math.max(most, staying.length);
  }
  return places.length - most;
}
