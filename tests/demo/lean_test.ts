import { assertEquals } from "@std/assert";
import { randomPuzzle } from "../../examples/n_puzzle/puzzle.ts";
import { Random } from "../../examples/n_puzzle/random.ts";
import { type LeanBoards, leanBoards } from "../../examples/n_puzzle/stores/lean_boards.ts";
import { type LeanState, LeanTable } from "../../examples/n_puzzle/stores/lean_table.ts";
import { test } from "../support/harness.ts";
import { slide } from "./_search.ts";

for (const size of [2, 3, 4, 5, 10]) {
  test(`lean boards ${size}×${size} - a decoded board and its children are what was encoded`, () => {
    const boards = leanBoards(size * size);
    for (let seed = 0; seed < 100; seed++) {
      const { tiles } = randomPuzzle(size, 100, seed);
      boards.encode(tiles);
      const { low, high } = boards;
      const decoded = new Uint8Array(tiles.length);
      boards.decode(low, high, decoded);
      assertEquals(decoded, tiles);
      const blank = tiles.indexOf(0);
      const from = blank === 0 ? tiles.length - 1 : blank - 1;
      boards.slide(tiles[from]!, from, blank);
      const child = [boards.low, boards.high];
      boards.encode(slide(tiles, from, blank));
      assertEquals(child, [boards.low, boards.high]);
    }
  });
}

test("lean table - tells boards with equal hashes apart, and replaces the state that was found last", () => {
  const table = new LeanTable({ ...leanBoards(16), hash: (low: number) => low << 28 } as LeanBoards);
  const random = new Random(1);
  const expected = new Map<string, LeanState>();
  for (let k = 0; k < 20_000; k++) {
    const state: LeanState = { low: random.below(100), high: random.below(20), packed: k };
    const key = `${state.low} ${state.high}`;
    const known = expected.get(key) ?? null;
    assertEquals(table.know(state), known);
    if (known === null) expected.set(key, state);
    if (known === null || k % 3 > 0) continue;
    table.replaceFound(state);
    expected.set(key, state);
  }
  for (const state of expected.values()) assertEquals(table.find(state.low, state.high), state);
  assertEquals(table.find(100, 0), null);
});
