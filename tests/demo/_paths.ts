import { assert, assertEquals } from "@std/assert";
import { goalTiles, neighbours, type Puzzle } from "../../examples/n_puzzle/puzzle.ts";
import { slide } from "./_search.ts";

/** Checks that these boards lead from the puzzle to the goal, one move at a time. */
export function assertIsPath(path: readonly (readonly number[])[], { size, tiles }: Puzzle): void {
  assertEquals(path[0], [...tiles]);
  assertEquals(path.at(-1), [...goalTiles(size)]);
  for (let move = 1; move < path.length; move++) {
    const before = Uint8Array.from(path[move - 1]!);
    const blank = before.indexOf(0);
    const from = path[move]!.indexOf(0);
    assert(neighbours(size, blank).includes(from), `move ${move} does not slide a neighbour of the blank`);
    assertEquals(path[move], [...slide(before, from, blank)]);
  }
}
