import { assert, assertEquals, assertMatch } from "@std/assert";
import { proposeSize } from "../../examples/n_puzzle/exhaustion.ts";
import { isSolvable, randomPuzzle } from "../../examples/n_puzzle/puzzle.ts";
import { parseByteSize, showBytes, showTime, writeByteSize } from "../../examples/n_puzzle/units.ts";
import { test } from "../support/harness.ts";
import { runDemo } from "./_cli.ts";
import { distancesFromGoal } from "./_search.ts";

const EXAMPLE = "1 7 15 4 0 6 3 8 2 5 14 11 9 13 10 12";

test("random puzzle - the same seed gives the same board, on every runtime", () => {
  assertEquals(randomPuzzle(4, 60, 1).tiles.join(" "), "6 3 5 8 9 14 7 15 2 1 4 11 13 0 10 12");
  assertEquals(randomPuzzle(4, 110, 1).tiles.join(" "), "1 3 7 15 14 5 8 13 9 6 11 12 2 10 4 0");
  assertEquals(randomPuzzle(3, 1000, 4294967295).tiles.join(" "), "0 4 2 6 1 5 7 8 3");
  assertEquals(randomPuzzle(2, 0, 5).tiles.join(" "), "1 2 3 0");
});

test("random puzzle - always solvable, and different for different seeds", () => {
  const boards = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const puzzle = randomPuzzle(2 + seed % 9, 200, seed);
    assert(isSolvable(puzzle));
    boards.add(puzzle.tiles.join());
  }
  assert(boards.size > 80);
});

for (const size of [2, 3]) {
  test(`solvable ${size}×${size} - exactly the boards that moves reach`, () => {
    const reached = distancesFromGoal(size);
    const wrong: string[] = [];
    let boards = 0;
    for (const tiles of permutations([...Array(size * size).keys()])) {
      boards++;
      const solvable = isSolvable({ size, tiles: Uint8Array.from(tiles) });
      if (solvable !== reached.has(String.fromCharCode(...tiles))) wrong.push(tiles.join(" "));
    }
    assertEquals(wrong, []);
    assertEquals(boards, 2 * reached.size);
  });
}

function* permutations(items: number[], fixed = 0): Generator<number[]> {
  if (fixed === items.length) yield items;
  for (let k = fixed; k < items.length; k++) {
    [items[fixed], items[k]] = [items[k]!, items[fixed]!];
    yield* permutations(items, fixed + 1);
    [items[fixed], items[k]] = [items[k]!, items[fixed]!];
  }
}

const refused: [args: string[], message: RegExp][] = [
  [["--puzzle", "1 2 3 4 5 6 8 7 0"], /odd number of swaps/],
  [["--puzzle", "1 2 3 4 5 6 7 8 9 10 11 12 13 15 14 0"], /odd number of swaps/],
  [["--puzzle", "2 1 3 0"], /odd number of swaps/],
  [["--puzzle", ""], /has 0 numbers/],
  [["--puzzle", "0"], /has 1 numbers/],
  [["--puzzle", "1 2 3"], /has 3 numbers/],
  [["--puzzle", Array(121).fill(1).join(" ")], /has 121 numbers/],
  [["--puzzle", "1 1 2 0"], /it has the tile 1 twice/],
  [["--puzzle", "1 2 3 4"], /"4" is not a whole number from 0 to 3/],
  [["--puzzle", "1 2 x 0"], /"x" is not a whole number/],
  [["--puzzle", "1 2.5 3 0"], /"2.5" is not a whole number/],
  [["--puzzle", "1 -2 3 0"], /"-2" is not a whole number/],
  [["--puzzle", "1 2 0x3 0"], /"0x3" is not a whole number/],
  [["--puzzle", EXAMPLE, "--size", "4"], /--size together with --puzzle/],
  [["--puzzle", EXAMPLE, "--seed", "4"], /--seed together with --puzzle/],
  [["--size", "1"], /--size "1": it must be a whole number from 2 to 10/],
  [["--size", "11"], /--size "11"/],
  [["--size", "four"], /--size "four"/],
  [["--size", ""], /--size ""/],
  [["--moves", "-1"], /moves/],
  [["--moves=-1"], /--moves "-1"/],
  [["--moves", "1.5"], /--moves "1.5"/],
  [["--seed", "4294967296"], /--seed "4294967296"/],
  [["--store", "heap"], /--store "heap"/],
  [["--memory", "4"], /--memory "4"/],
  [["--memory", "0GiB"], /--memory "0GiB"/],
  [["--memory", "1TiB"], /--memory "1TiB"/],
  [["--memory", "33GiB"], /--memory "33GiB"/],
  [["--no-such-option"], /--no-such-option/],
  [["--size"], /--size/],
  [["--inspect", "--store", "objects"], /--inspect with --store objects: it shows one pool/],
  [["--inspect", "--store", "lean"], /--inspect with --store lean: it shows one pool/],
  [["--inspect", "--store", "all"], /--inspect with --store all: it shows one pool/],
  [["--inspect", "--store", "heap"], /--store "heap"/],
  [["--json=yes"], /--json/],
  [["4"], /4/],
];
for (const [args, message] of refused) {
  test(`command line - refuses ${args.join(" ").slice(0, 60)}`, () => {
    const { code, stdout, stderr } = runDemo(args);
    assertMatch(stderr, message);
    assertMatch(stderr, /^[^\n]+\n$/, "one line");
    assertEquals(stdout, "");
    assertEquals(code, 2);
  });
}

test("command line - --help goes to standard output", () => {
  const { code, stdout, stderr } = runDemo(["--help"]);
  for (const option of ["puzzle", "size", "moves", "seed", "store", "memory", "inspect", "json", "help"]) {
    assert(stdout.includes(`--${option} `), option);
  }
  assertEquals(stderr, "");
  assertEquals(code, 0);
});

test("command line - --json prints one object for each store, and nothing else", () => {
  const { code, stdout, stderr } = runDemo(["--puzzle", EXAMPLE, "--json"]);
  assertEquals(stderr, "");
  assertEquals(code, 0);
  const results = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(results.map((result) => result.store), ["pool", "buffers", "lean", "objects"]);
  for (const result of results) {
    const fields = ["store", "moves", "path", "expanded", "allocations", "milliseconds", "peakBytes"];
    assertEquals(Object.keys(result), fields);
    assertEquals(result.moves, 23);
    assertEquals(result.path.length, 24);
    assertEquals(result.path[0].join(" "), EXAMPLE);
    assertEquals(result.path, results[0].path);
    assertEquals([result.expanded, result.allocations], [results[0].expanded, results[0].allocations]);
    assert(result.expanded > 0 && result.allocations > result.expanded && result.milliseconds > 0);
    assert(result.peakBytes > 2 ** 24 && result.peakBytes < 2 ** 30, `${result.peakBytes} bytes`);
  }
});

test("command line - shows the boards, the comparison and the charts", () => {
  const { code, stdout, stderr } = runDemo(["--size", "2", "--moves", "3", "--seed", "1"]);
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assertMatch(stdout, /Solved in 3 moves; no solution has fewer/);
  assertMatch(stdout, /│ pool +│.*│\n│ buffers +│.*│\n│ lean +│.*│\n│ objects +│/);
  assertMatch(stdout, /Time\n +pool +█.* ms\n/);
  assertMatch(stdout, /Peak memory\n +pool +█.* MiB\n/);
  assert(!stdout.includes("\x1b"), "no colours without a terminal");
});

for (const store of ["pool", "buffers"]) {
  test(`command line - a full ${store} store proposes a size, and that size is enough`, () => {
    const puzzle = ["--size", "4", "--moves", "110", "--seed", "7", "--json", "--store", store];
    const { code, stdout, stderr } = runDemo([...puzzle, "--memory", "2MiB"]);
    assertEquals(code, 1);
    assertEquals(stdout, "");
    assertMatch(stderr, /^\w+: The pool of 2MiB is full after [\d,]+ states; the solution has at least \d+ moves\./);
    assertMatch(stderr, /(deno task demo|bun run demo|npm run demo --) --store \w+ --memory \w+ --puzzle "\d/);
    const size = stderr.match(/--memory (\w+)/)![1]!;
    assert(parseByteSize(size) >= 2 ** 22, size);
    assertEquals(runDemo([...puzzle, "--memory", size]).code, 0);
  });
}

test("exhaustion - the proposal is at least twice the size, and depends on the growth of the bounds", () => {
  const base = { memory: 2 ** 20, bound: 40 };
  assertEquals(proposeSize({ ...base, allocations: 30_000, boundReached: [] }), 2 ** 21);
  assertEquals(proposeSize({ ...base, allocations: 30_000, boundReached: [1, 5_000, 20_000] }), 2 ** 26);
  assertEquals(proposeSize({ ...base, allocations: 30_000, boundReached: [1, 100] }), 2 ** 21);
});

test("units - a size that was written is read back", () => {
  for (const text of ["1MiB", "512MiB", "4GiB", "3KiB", "1000B"]) {
    assertEquals(writeByteSize(parseByteSize(text)), text);
  }
  for (const text of ["", "4", "4GB", "1.5GiB", "-1GiB", "4 GiB"]) assertEquals(parseByteSize(text), NaN);
  assertEquals([showBytes(1536), showBytes(2 ** 30), showTime(12.3), showTime(12345)], [
    "1.50 KiB",
    "1.00 GiB",
    "12 ms",
    "12.3 s",
  ]);
});
