import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { MemPool } from "../../mod.ts";
import type { Control } from "../../examples/n_puzzle/parallel/control.ts";
import { Crew } from "../../examples/n_puzzle/parallel/crew.ts";
import { ownerOf } from "../../examples/n_puzzle/parallel/partition.ts";
import { ringEntries } from "../../examples/n_puzzle/parallel/rings.ts";
import { type Options, searchTogether, total } from "../../examples/n_puzzle/parallel/search_together.ts";
import { firstTableBits, ringCapacity } from "../../examples/n_puzzle/parallel/sizes.ts";
import { goalTiles, neighbours, parsePuzzle, type Puzzle, randomPuzzle } from "../../examples/n_puzzle/puzzle.ts";
import { ArenaMemory } from "../../bench/_hand_memory.ts";
import { RecordStore } from "../../examples/n_puzzle/stores/record_store.ts";
import { recordBytes } from "../../examples/n_puzzle/stores/records.ts";
import { Zobrist } from "../../examples/n_puzzle/stores/zobrist.ts";
import { effort } from "../support/effort.ts";
import { afterAll, test } from "../support/harness.ts";
import { runDemo } from "./_cli.ts";
import { assertIsPath } from "./_paths.ts";
import { boardsOfEveryDistance, distancesFromGoal, memoryFor, slide, solve, storesOf, tilesOf } from "./_search.ts";

/** How many 3×3 boards of 181,440 there are to one that is tried. */
const stride = effort(18_000, 1511);
/** How many of the random walks there are to one that is tried. */
const walkStride = effort(5, 1);
/** The most workers that a search on the command line has. The program accepts 64. */
const mostWorkers = effort(5, 64);
/** How often each pool becomes full. */
const fullRuns = effort(1, 5);

const crews = new Map<number, Crew>();
afterAll(() => crews.forEach((crew) => crew.end()));

/** Runs a test with the crew that all tests with this number of workers share. A test that fails ends it. */
async function withPoolWorkers(workers: number, use: (crew: Crew) => Promise<void>): Promise<void> {
  const crew = crews.get(workers) ?? new Crew(workers);
  crews.set(workers, crew);
  try {
    await use(crew);
  } catch (error) {
    crews.delete(workers);
    crew.end();
    throw error;
  }
}

/**
 * The size of a pool for boards of this size. It is far larger than a sequential search needs: while one worker is not
 * scheduled, the others expand states that a sequential search never reaches. A 3×3 board has no more than 181,440.
 */
function poolBytes(size: number): number {
  return size <= 3 ? 2 ** 25 : 2 ** 28;
}

/** Solves a puzzle, checks the path and the number of allocated blocks, and returns the number of moves. */
async function movesOf(
  crew: Crew,
  puzzle: Puzzle,
  memory = poolBytes(puzzle.size),
  options: Options = {},
): Promise<number> {
  using pool = MemPool.init(memory, recordBytes(puzzle.tiles.length));
  const outcome = await searchTogether(crew, pool, puzzle, options);
  assert("solved" in outcome, "the pool is full");
  const { moves, path, reports } = outcome.solved;
  assertIsPath(path, puzzle);
  assertEquals(path.length, moves + 1);
  pool.check();
  const { allocatedBlocks, cachedBlocks, workers } = pool.stats();
  const states = total(reports.map(({ allocations, released }) => allocations - released));
  assertEquals(allocatedBlocks, states, "exactly the states that were not released are allocated");
  assert(cachedBlocks <= 256 && workers === 1, "the workers have left the pool");
  return moves;
}

const WALKS = Array.from({ length: 60 }, (_, seed) => randomPuzzle(2 + seed % 4, 20 + (seed >> 1), seed));

/** Every fifth walk still has boards of every size. */
const someOf = (walks: readonly Puzzle[]): Puzzle[] => walks.filter((_, k) => k % walkStride === 0);

for (const workers of [1, 2, 3, 4]) {
  test(`parallel search, ${workers} workers - every 2×2 board, as breadth first`, () =>
    withPoolWorkers(workers, async (crew) => {
      for (const [board, distance] of distancesFromGoal(2)) {
        assertEquals(await movesOf(crew, { size: 2, tiles: tilesOf(board) }), distance);
      }
    }));

  test(`parallel search, ${workers} workers - 3×3 boards of every distance, as breadth first`, () =>
    withPoolWorkers(workers, async (crew) => {
      for (const [board, distance] of boardsOfEveryDistance(stride)) {
        assertEquals(await movesOf(crew, { size: 3, tiles: tilesOf(board) }), distance);
      }
    }));

  test(`parallel search, ${workers} workers - random walks on larger boards, as the sequential search`, () =>
    withPoolWorkers(workers, async (crew) => {
      const makeStore = await storesOf("arena");
      for (const puzzle of someOf(WALKS)) {
        assertEquals(await movesOf(crew, puzzle), solve(puzzle, makeStore(puzzle.tiles.length)).moves);
      }
    }));

  test(`parallel search, ${workers} workers - rings of two states`, () =>
    withPoolWorkers(workers, async (crew) => {
      const makeStore = await storesOf("arena");
      for (const puzzle of [...someOf(WALKS.slice(40)), randomPuzzle(4, 110, 7)]) {
        const { moves } = solve(puzzle, makeStore(puzzle.tiles.length));
        assertEquals(await movesOf(crew, puzzle, undefined, { capacity: 2 }), moves);
      }
    }));

  test(`parallel search, ${workers} workers - nothing or next to nothing to do`, () =>
    withPoolWorkers(workers, async (crew) => {
      for (const size of [2, 3, 4, 10]) {
        assertEquals(await movesOf(crew, { size, tiles: goalTiles(size) }, 2 ** 22), 0);
        for (const moves of [1, 2, 3]) {
          assertEquals(await movesOf(crew, randomPuzzle(size, moves, size), 2 ** 22), moves);
        }
      }
    }));
}

test("parallel search - one worker does what the sequential search does", () =>
  withPoolWorkers(1, async (crew) => {
    const puzzle = randomPuzzle(4, 110, 7);
    using pool = MemPool.init(poolBytes(4), recordBytes(16));
    const outcome = await searchTogether(crew, pool, puzzle);
    const { path, progress } = solve(puzzle, (await storesOf("arena"))(16));
    assert("solved" in outcome);
    assertEquals(outcome.solved.path, path);
    assertEquals(outcome.solved.reports[0]!.expanded, progress.expanded);
    assertEquals(outcome.solved.reports[0]!.allocations, progress.allocations);
  }));

test("parallel search - every worker expands its share of the states", () =>
  withPoolWorkers(4, async (crew) => {
    const puzzle = randomPuzzle(4, 110, 7);
    const least = ownedStatesBelow(44, puzzle, 4);
    for (const each of least) assert(each > total(least) / 10, `shares ${least}`);
    using pool = MemPool.init(poolBytes(4), recordBytes(16));
    const outcome = await searchTogether(crew, pool, puzzle);
    assert("solved" in outcome);
    for (const [worker, { expanded }] of outcome.solved.reports.entries()) {
      assert(expanded >= least[worker]!, `worker ${worker} expanded ${expanded}, at least ${least[worker]}`);
    }
  }));

/** How many states with an f below `limit` each worker owns. A search for a solution of that length must expand them. */
function ownedStatesBelow(limit: number, puzzle: Puzzle, workers: number): number[] {
  const counts = Array<number>(workers).fill(0);
  const zobrist = new Zobrist(puzzle.tiles.length);
  class CountingStore extends RecordStore {
    readonly #tiles = new Uint8Array(puzzle.tiles.length);

    override pop(below: number): number {
      const state = super.pop(below);
      if (state === this.none || this.g(state) + this.h(state) >= limit) return state;
      this.load(state, this.#tiles);
      counts[ownerOf(zobrist.of(this.#tiles), workers)]!++;
      return state;
    }
  }
  const cells = puzzle.tiles.length;
  solve(puzzle, new CountingStore(new ArenaMemory(memoryFor(cells), cells), cells));
  return counts;
}

test("partition - most children have the owner of their parent", () => {
  const zobrist = new Zobrist(16);
  let children = 0;
  let kept = 0;
  for (let seed = 0; seed < 500; seed++) {
    const { tiles } = randomPuzzle(4, 200, seed);
    const blank = tiles.indexOf(0);
    for (const from of neighbours(4, blank)) {
      children++;
      if (ownerOf(zobrist.of(slide(tiles, from, blank)), 4) === ownerOf(zobrist.of(tiles), 4)) kept++;
    }
  }
  assert(kept > children / 2, `${kept} of ${children}`);
});

test("partition - boards have as many owners as there are workers, evenly", () => {
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

test("parallel search - a full pool ends the search for all workers", () =>
  withPoolWorkers(3, async (crew) => {
    const puzzle = randomPuzzle(4, 110, 7);
    for (const memory of [2 ** 20, 2 ** 21, 3 * 2 ** 20]) {
      for (let run = 0; run < fullRuns; run++) {
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
    assertEquals(await movesOf(crew, puzzle), 44, "the workers can search again");
  }));

test("parallel search - a pool too small for rings or tables is full as well", () =>
  withPoolWorkers(2, async (crew) => {
    const puzzle = randomPuzzle(4, 30, 1);
    for (const size of [2 ** 10, 2 ** 18]) {
      using pool = MemPool.init(size, 32);
      const outcome = await searchTogether(crew, pool, puzzle);
      assert("full" in outcome, "solved");
      assert(outcome.full.bound <= 30);
      pool.check();
    }
  }));

test("parallel search - a worker that fails ends the search for all workers, and the error says why", () =>
  withPoolWorkers(3, async (crew) => {
    const pool = MemPool.init(2 ** 28, recordBytes(16));
    const puzzle = parsePuzzle("0 4 7 2 9 14 10 15 13 6 5 11 1 8 12 3");
    let timer: ReturnType<typeof setInterval> | undefined;
    const destroySoon = (control: Control): void => {
      timer = setInterval(() => control.progress().allocations > 1000 && pool.destroy(), 1);
    };
    const search = searchTogether(crew, pool, puzzle, { onStart: destroySoon });
    try {
      await assertRejects(() => search, Error, "destroyed");
    } finally {
      clearInterval(timer);
    }
  }));

test("parallel search - rings and tables leave room for states in any pool", () => {
  for (let workers = 1; workers <= 64; workers++) {
    for (const memory of [2 ** 20, 2 ** 24, 2 ** 31]) {
      const capacity = ringCapacity(workers, memory);
      assert(capacity >= 16 && (capacity & (capacity - 1)) === 0);
      assert(4 * ringEntries(workers, capacity) <= Math.max(memory / 16, 4 * ringEntries(workers, 16)));
    }
    assert(workers * 2 ** firstTableBits(workers) <= 2 ** 16);
  }
});

const PUZZLE = ["--size", "4", "--moves", "110", "--seed", "7", "--json"];

test("command line - --workers finds a solution of the same length, and --json names the number of workers", () => {
  for (const workers of ["1", "2", String(mostWorkers)]) {
    const { code, stdout, stderr } = runDemo([...PUZZLE, "--store", "pool", "--workers", workers]);
    assertEquals(stderr, "");
    assertEquals(code, 0);
    const { moves, path, expanded, allocations, milliseconds, peakBytes, ...others } = JSON.parse(stdout);
    assertEquals(others, { store: "pool", workers: Number(workers) });
    assertEquals([moves, path.length], [44, 45]);
    assert(expanded > 0 && allocations > expanded && milliseconds > 0 && peakBytes > 0);
  }
});

test("command line - --workers with all stores applies to the pool, and the report says so", () => {
  const { code, stdout, stderr } = runDemo(["--size", "3", "--moves", "40", "--workers", "2"]);
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assertMatch(stdout, /│ pool, 2 workers +│.*│\n│ buffers +│.*│\n│ lean +│.*│\n│ objects +│/);
  assertMatch(stdout, /2 workers share the pool\. The other stores cannot be shared/);
});

test("command line - a pool that several workers fill leads to a proposal of a size, and in the end to a solution", () => {
  const args = [...PUZZLE, "--store", "pool", "--workers", "3"];
  const { code, stdout, stderr } = runDemo([...args, "--memory", "2MiB"]);
  assertEquals(code, 1);
  assertEquals(stdout, "");
  assertMatch(stderr, /^pool: The pool of 2MiB is full after [\d,]+ states; the solution has at least \d+ moves\./);
  assertMatch(stderr, /demo (-- )?--store pool --workers 3 --memory \w+ --puzzle "\d/);
  // What several workers allocate differs from run to run, so the first proposal may be too small.
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
