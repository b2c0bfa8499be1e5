import { assert, assertEquals } from "@std/assert";
import { MemPool } from "../../mod.ts";
import { STORES } from "../../examples/n_puzzle/options.ts";
import { goalTiles, parsePuzzle, type Puzzle, randomPuzzle } from "../../examples/n_puzzle/puzzle.ts";
import { Heuristic } from "../../examples/n_puzzle/heuristic.ts";
import { Search } from "../../examples/n_puzzle/search.ts";
import { PoolMemory, stateLayout } from "../../examples/n_puzzle/stores/pool_memory.ts";
import { RecordStore } from "../../examples/n_puzzle/stores/record_store.ts";
import { recordBytes } from "../../examples/n_puzzle/stores/records.ts";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { assertIsPath } from "./_paths.ts";
import { boardsOfEveryDistance, distancesFromGoal, solve, storesOf, tilesOf } from "./_search.ts";

const ALL = [...STORES, "arena", "offsets"] as const;

/** How many boards of 181,440 there are to one that is tried: in every store, and in one of them. */
const strideOfAll = effort(18_000, 1009);
const strideOfOne = effort(1500, 97);

/**
 * Some of Korf's hundred instances ("Depth-first iterative-deepening", Artificial Intelligence 27, 1985) by number, with
 * the lengths of the optimal solutions. His goal has the blank first.
 */
const KORF = [
  { number: 55, moves: 41, tiles: "13 8 14 3 9 1 0 7 15 5 4 10 12 2 6 11" },
  { number: 79, moves: 42, tiles: "0 1 9 7 11 13 5 3 14 12 4 2 8 6 10 15" },
  { number: 42, moves: 42, tiles: "4 5 7 2 9 14 12 13 0 3 6 11 8 1 15 10" },
  { number: 85, moves: 44, tiles: "4 7 13 10 1 2 9 6 12 8 14 5 3 0 11 15" },
  { number: 12, moves: 45, tiles: "14 1 9 6 4 8 12 5 7 2 3 0 10 11 13 15" },
];

/** Rotates a board by half a turn and renumbers the tiles from the other end, which turns his goal into ours. */
function fromKorf(tiles: string): Puzzle {
  const ours = tiles.split(" ").map(Number).reverse().map((tile) => tile === 0 ? 0 : 16 - tile);
  return parsePuzzle(ours.join(" "));
}

for (const name of ALL) {
  test(`search in ${name} - every 2×2 board, as breadth first`, async () => {
    const makeStore = await storesOf(name);
    for (const [board, distance] of distancesFromGoal(2)) {
      const puzzle = { size: 2, tiles: tilesOf(board) };
      const { moves, path } = solve(puzzle, makeStore(4));
      assertEquals(moves, distance);
      assertEquals(path.length, moves + 1);
      assertIsPath(path, puzzle);
    }
  });

  test(`search in ${name} - 3×3 boards of every distance, as breadth first`, async () => {
    const makeStore = await storesOf(name);
    for (const [board, distance] of boardsOfEveryDistance(strideOfAll)) {
      const puzzle = { size: 3, tiles: tilesOf(board) };
      const { moves, path } = solve(puzzle, makeStore(9));
      assertEquals(moves, distance);
      assertIsPath(path, puzzle);
    }
  });
}

test("search - many 3×3 boards, as breadth first", async () => {
  const makeStore = await storesOf("arena");
  const sample = [...distancesFromGoal(3)].filter((_, k) => k % strideOfOne === 0);
  for (const [board, distance] of sample) {
    assertEquals(solve({ size: 3, tiles: tilesOf(board) }, makeStore(9)).moves, distance);
  }
});

for (const { number, moves, tiles } of KORF) {
  test(`search - Korf's instance ${number} takes ${moves} moves`, async () => {
    const puzzle = fromKorf(tiles);
    const solution = solve(puzzle, (await storesOf("pool"))(16));
    assertEquals(solution.moves, moves);
    assertIsPath(solution.path, puzzle);
  });
}

const walks = [[3, 200, 7], [4, 60, 1], [4, 110, 7], [5, 70, 3], [7, 40, 2], [10, 40, 4]] as const;
for (const [size, moves, seed] of walks) {
  test(`search ${size}×${size} - the same states in every store, ${moves} random moves from the goal`, async () => {
    const puzzle = randomPuzzle(size, moves, seed);
    const [first, ...others] = await Promise.all(
      ALL.map(async (name) => solve(puzzle, (await storesOf(name))(puzzle.tiles.length))),
    );
    assertIsPath(first!.path, puzzle);
    for (const other of others) assertEquals(other, first);
  });
}

test("search - a solved board has a path of one board", async () => {
  for (const name of ALL) {
    const { moves, path } = solve({ size: 4, tiles: goalTiles(4) }, (await storesOf(name))(16));
    assertEquals(moves, 0);
    assertEquals(path, [[...goalTiles(4)]]);
  }
});

test("pool store - a state is as long as the pool's blocks are made for", () => {
  for (let size = 2; size <= 10; size++) {
    const cells = size ** 2;
    assertEquals(stateLayout(cells).byteLength, recordBytes(cells));
  }
});

test("pool store - releases duplicates and outgrown tables", () => {
  const puzzle = randomPuzzle(4, 110, 7);
  using pool = MemPool.init(2 ** 26, 32);
  const search = new Search(new RecordStore(new PoolMemory(pool, 16), 16), new Heuristic(4), puzzle);
  search.run(Infinity);
  pool.check();
  const { allocs, frees, allocatedBlocks } = pool.stats();
  const { progress } = search;
  const tables = allocs - progress.allocations;
  assert(tables >= 2, `${tables} tables`);
  const duplicates = frees - (tables - 1);
  assert(duplicates > 0 && duplicates < progress.allocations / 2, `${duplicates} duplicates`);
  assert(allocatedBlocks >= progress.allocations - duplicates);
});
