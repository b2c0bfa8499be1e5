import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { MemPool } from "../../mod.ts";
import { Crew } from "../../examples/n_puzzle/parallel/crew.ts";
import { ownerOf } from "../../examples/n_puzzle/parallel/partition.ts";
import { ringBytes } from "../../examples/n_puzzle/parallel/rings.ts";
import { searchTogether, total } from "../../examples/n_puzzle/parallel/search_together.ts";
import { firstTableBits, ringCapacity } from "../../examples/n_puzzle/parallel/sizes.ts";
import { goalTiles, parsePuzzle, type Puzzle, randomPuzzle } from "../../examples/n_puzzle/puzzle.ts";
import { recordBytes } from "../../examples/n_puzzle/stores/records.ts";
import { Zobrist } from "../../examples/n_puzzle/stores/zobrist.ts";
import { test } from "../support/harness.ts";
import { runDemo } from "./_cli.ts";
import { assertIsPath } from "./_paths.ts";
import { distancesFromGoal, solve, storesOf, tilesOf } from "./_search.ts";

const MEMORY = 2 ** 26;

/** Runs a test with so many workers, loaded once for all its searches. */
async function withCrew(workers: number, use: (crew: Crew) => Promise<void>): Promise<void> {
  const crew = new Crew(workers);
  try {
    await use(crew);
  } finally {
    crew.end();
  }
}

/** Solves a puzzle, checks the path and that every block is accounted for, and returns the number of moves. */
async function movesOf(crew: Crew, puzzle: Puzzle, capacity?: number): Promise<number> {
  using pool = MemPool.init(MEMORY, recordBytes(puzzle.tiles.length));
  const outcome = await searchTogether(crew, pool, puzzle, capacity === undefined ? {} : { capacity });
  assert("solved" in outcome, "the pool is full");
  const { moves, path, reports } = outcome.solved;
  assertIsPath(path, puzzle);
  assertEquals(path.length, moves + 1);
  pool.check();
  const { allocatedBlocks, cachedBlocks, workers } = pool.stats();
  const states = total(reports.map(({ allocations, released }) => allocations - released));
  assertEquals(allocatedBlocks, states, "what is left are the states that were not released");
  assert(cachedBlocks <= 256 && workers === 1, "the workers have left the pool");
  return moves;
}

const SMALL = [...distancesFromGoal(3)].filter(([, distance], k) => k % 1511 === 0 || distance === 31);
const WALKS = Array.from({ length: 60 }, (_, seed) => randomPuzzle(2 + seed % 4, 20 + (seed >> 1), seed));

for (const workers of [1, 2, 3, 4]) {
  test(`parallel search, ${workers} workers - every 2×2 board, as breadth first`, () =>
    withCrew(workers, async (crew) => {
      for (const [board, distance] of distancesFromGoal(2)) {
        assertEquals(await movesOf(crew, { size: 2, tiles: tilesOf(board) }), distance);
      }
    }));

  test(`parallel search, ${workers} workers - 3×3 boards of every distance, as breadth first`, () =>
    withCrew(workers, async (crew) => {
      for (const [board, distance] of SMALL) {
        assertEquals(await movesOf(crew, { size: 3, tiles: tilesOf(board) }), distance);
      }
    }));

  test(`parallel search, ${workers} workers - random walks on larger boards, as the sequential search`, () =>
    withCrew(workers, async (crew) => {
      const makeStore = await storesOf("arena");
      for (const puzzle of WALKS) {
        assertEquals(await movesOf(crew, puzzle), solve(puzzle, makeStore(puzzle.tiles.length)).moves);
      }
    }));

  test(`parallel search, ${workers} workers - rings of two states`, () =>
    withCrew(workers, async (crew) => {
      const makeStore = await storesOf("arena");
      for (const puzzle of [...WALKS.slice(40), randomPuzzle(4, 110, 7)]) {
        assertEquals(await movesOf(crew, puzzle, 2), solve(puzzle, makeStore(puzzle.tiles.length)).moves);
      }
    }));

  test(`parallel search, ${workers} workers - nothing or next to nothing to do`, () =>
    withCrew(workers, async (crew) => {
      for (const size of [2, 3, 4, 10]) {
        assertEquals(await movesOf(crew, { size, tiles: goalTiles(size) }), 0);
        for (const moves of [1, 2, 3]) assertEquals(await movesOf(crew, randomPuzzle(size, moves, size)), moves);
      }
    }));
}

test("parallel search - one worker does what the sequential search does", () =>
  withCrew(1, async (crew) => {
    const puzzle = randomPuzzle(4, 110, 7);
    using pool = MemPool.init(MEMORY, recordBytes(16));
    const outcome = await searchTogether(crew, pool, puzzle);
    const { path, progress } = solve(puzzle, (await storesOf("arena"))(16));
    assert("solved" in outcome);
    assertEquals(outcome.solved.path, path);
    assertEquals(outcome.solved.reports[0]!.expanded, progress.expanded);
    assertEquals(outcome.solved.reports[0]!.allocations, progress.allocations);
  }));

test("parallel search - every worker gets its share, and most children stay with their parent's owner", () =>
  withCrew(4, async (crew) => {
    using pool = MemPool.init(MEMORY, recordBytes(16));
    const outcome = await searchTogether(crew, pool, randomPuzzle(4, 110, 7));
    assert("solved" in outcome);
    const expanded = outcome.solved.reports.map((report) => report.expanded);
    for (const each of expanded) assert(each > total(expanded) / 10, `expanded ${expanded}`);
  }));

test("partition - boards have the same number of owners as there are workers, evenly", () => {
  const zobrist = new Zobrist(16);
  for (const workers of [1, 2, 3, 5, 64]) {
    const counts = new Int32Array(workers);
    for (let seed = 0; seed < 200 * workers; seed++) {
      const owner = ownerOf(zobrist.of(randomPuzzle(4, 200, seed).tiles), workers);
      assert(owner >= 0 && owner < workers);
      counts[owner]!++;
    }
    for (const count of counts) assert(count > 100 && count < 300, `${workers} workers: ${counts}`);
  }
});

test("parallel search - a pool that is full ends it for all, whoever notices", () =>
  withCrew(3, async (crew) => {
    const puzzle = randomPuzzle(4, 110, 7);
    for (const memory of [2 ** 20, 2 ** 21, 3 * 2 ** 20]) {
      for (let run = 0; run < 5; run++) {
        using pool = MemPool.init(memory, recordBytes(16));
        const outcome = await searchTogether(crew, pool, puzzle);
        assert("full" in outcome, "solved");
        const { allocations, bound, boundReached } = outcome.full;
        assert(allocations > 1000 && allocations < memory / 16, `${allocations} states`);
        assert(bound >= 30 && bound <= 44 && bound % 2 === 0, `bound ${bound}`);
        assert(boundReached.length > 1 && boundReached.every((count, k) => k === 0 || count >= boundReached[k - 1]!));
        pool.check();
      }
    }
    assertEquals(await movesOf(crew, puzzle), 44, "the workers are as good as new");
  }));

test("parallel search - a pool too small for rings or tables is full as well", () =>
  withCrew(2, async (crew) => {
    const puzzle = randomPuzzle(4, 30, 1);
    for (const size of [2 ** 10, 2 ** 18]) {
      using pool = MemPool.init(size, 32);
      const outcome = await searchTogether(crew, pool, puzzle);
      assert("full" in outcome, "solved");
      assert(outcome.full.bound <= 30);
      pool.check();
    }
  }));

test("parallel search - a worker that fails ends it for all, and says why", () =>
  withCrew(3, async (crew) => {
    const pool = MemPool.init(MEMORY, recordBytes(16));
    const puzzle = parsePuzzle("0 4 7 2 9 14 10 15 13 6 5 11 1 8 12 3");
    const search = searchTogether(crew, pool, puzzle, { onStart: () => setTimeout(() => pool.destroy(), 300) });
    await assertRejects(() => search, Error, "destroyed");
  }));

test("parallel search - rings and tables leave room for states in any pool", () => {
  for (let workers = 1; workers <= 64; workers++) {
    for (const memory of [2 ** 20, 2 ** 24, 2 ** 31]) {
      const capacity = ringCapacity(workers, memory);
      assert(capacity >= 16 && (capacity & (capacity - 1)) === 0);
      assert(ringBytes(workers, capacity) <= Math.max(memory / 16, ringBytes(workers, 16)));
    }
    assert(workers * 2 ** firstTableBits(workers) <= 2 ** 16);
  }
});

const PUZZLE = ["--size", "4", "--moves", "110", "--seed", "7", "--json"];

test("command line - --workers solves as one does, and --json says how many there were", () => {
  for (const workers of ["1", "2", "64"]) {
    const { code, stdout, stderr } = runDemo([...PUZZLE, "--store", "pool", "--workers", workers]);
    assertEquals(stderr, "");
    assertEquals(code, 0);
    const { moves, path, expanded, allocations, milliseconds, peakBytes, ...others } = JSON.parse(stdout);
    assertEquals(others, { store: "pool", workers: Number(workers) });
    assertEquals([moves, path.length], [44, 45]);
    assert(expanded > 0 && allocations > expanded && milliseconds > 0 && peakBytes > 0);
  }
});

test("command line - --workers with all stores is for the pool, and the table says so", () => {
  const { code, stdout, stderr } = runDemo(["--size", "3", "--moves", "40", "--workers", "2"]);
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assertMatch(stdout, /│ pool, 2 workers +│.*│\n│ buffers +│.*│\n│ lean +│.*│\n│ objects +│/);
  assertMatch(stdout, /2 workers share the pool\. No other store can be shared/);
});

test("command line - a pool that several workers fill says which size would do, and following that leads to the end", () => {
  const args = [...PUZZLE, "--store", "pool", "--workers", "3"];
  const { code, stdout, stderr } = runDemo([...args, "--memory", "2MiB"]);
  assertEquals(code, 1);
  assertEquals(stdout, "");
  assertMatch(stderr, /^pool: The pool of 2MiB is full after [\d,]+ states; the solution has at least \d+ moves\./);
  assertMatch(stderr, /demo --store pool --workers 3 --memory \w+ --puzzle "\d/);
  // How much several workers allocate differs from run to run, and so may what the first proposal goes by.
  let size = sizeProposedIn(stderr);
  let next = runDemo([...args, "--memory", size]);
  for (let attempts = 1; next.code === 1 && attempts < 4; attempts++) {
    assertNotEquals(sizeProposedIn(next.stderr), size);
    size = sizeProposedIn(next.stderr);
    next = runDemo([...args, "--memory", size]);
  }
  assertEquals(next.code, 0);
});

function sizeProposedIn(message: string): string {
  return message.match(/--memory (\w+)/)![1]!;
}

for (const workers of ["0", "65", "-1", "1.5", "two", ""]) {
  test(`command line - refuses --workers=${workers}`, () => {
    const { code, stderr } = runDemo([`--workers=${workers}`, "--store", "pool"]);
    assertMatch(stderr, /^Cannot use --workers "[^"]*": it must be a whole number from 1 to 64\n$/);
    assertEquals(code, 2);
  });
}

for (const store of ["buffers", "lean", "objects"]) {
  test(`command line - refuses --workers with --store ${store}`, () => {
    const { code, stdout, stderr } = runDemo(["--workers", "2", "--store", store]);
    assertMatch(stderr, /^[^\n]*--workers[^\n]*--store[^\n]*\n$/);
    assertEquals(stdout, "");
    assertEquals(code, 2);
  });
}
