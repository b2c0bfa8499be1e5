/** Surveys of pools, and the history of surveys. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { PoolHistory, surveyPool } from "mempool/inspect";
import { test } from "../support/harness.ts";
import { lettered } from "../support/inspect.ts";
import { assertError, makePool, present, withPool } from "../support/pool.ts";
import { forAll } from "../support/random.ts";

/** The cells of a survey of a lettered pool, each as "allocated+cached of owner", counted in blocks. */
function cellsOf(letters: string, cells: number): string[] {
  return surveyPool(lettered(letters), { cells }).cells.map(({ allocatedBytes, cachedBytes, owner }) =>
    `${allocatedBytes / 64}+${cachedBytes / 64} of ${owner}`
  );
}

test("survey - a small pool has one cell for each block", () => {
  assertEquals(cellsOf("AAb.+#", 100), ["1+0 of 1", "1+0 of 1", "0+1 of 2", "0+0 of 0", "0+1 of 0", "1+0 of 0"]);
});

test("survey - a run counts in every cell it overlaps, and a cell belongs to the owner of most of it", () => {
  assertEquals(cellsOf("AAAAABBBBCC.", 3), ["4+0 of 1", "4+0 of 2", "3+0 of 3"]);
  assertEquals(cellsOf("AABbbbCC....", 3), ["3+1 of 1", "2+2 of 2", "0+0 of 0"]);
});

test("survey - cells consist of whole blocks, and the last cell has the remaining ones", () => {
  const { cells, bytesPerCell } = surveyPool(lettered("A".repeat(10)), { cells: 4 });
  assertEquals(bytesPerCell, 3 * 64);
  assertEquals(cells.map(({ offset, byteLength }) => [offset / 64, byteLength / 64]), [[0, 3], [3, 3], [6, 3], [9, 1]]);
});

test("survey - the longest free run includes cached blocks, and is the first of several", () => {
  const longest = (letters: string): number[] => {
    const { offset, byteLength } = surveyPool(lettered(letters)).longestFree;
    return [offset / 64, byteLength / 64];
  };
  assertEquals(longest("A.a.B..."), [1, 3]);
  assertEquals(longest("..A+..b."), [3, 5]);
  assertEquals(longest("AAAA"), [0, 0]);
  assertEquals(longest("...."), [0, 4]);
});

test("survey - lists the owners by number, with the bytes of each", () => {
  assertEquals(surveyPool(lettered("CAAc+.#c")).owners, [
    { owner: 0, allocatedBytes: 64, cachedBytes: 64 },
    { owner: 1, allocatedBytes: 128, cachedBytes: 0 },
    { owner: 3, allocatedBytes: 64, cachedBytes: 128 },
  ]);
});

test("survey - ignores blocks that the pool gained after it was counted", () => {
  const grown = { stats: lettered("AA..").stats, blocks: lettered("AAAAAABB.").blocks };
  const { cells, owners, longestFree } = surveyPool(grown);
  assertEquals(cells.length, 4);
  assertEquals(owners, [{ owner: 1, allocatedBytes: 256, cachedBytes: 0 }]);
  assertEquals(longestFree.byteLength, 0);
});

test("survey - any pool in any number of cells has the same counts as block by block", () => {
  const letters = fc.string({ unit: fc.constantFrom(..."AAABCabc+#..."), minLength: 1, maxLength: 200 });
  forAll(300, fc.record({ letters, limit: fc.integer({ min: 1, max: 220 }) }), ({ letters, limit }) => {
    const { cells, bytesPerCell, owners, longestFree, stats } = surveyPool(lettered(letters), { cells: limit });
    assert(cells.length <= limit);
    const perCell = bytesPerCell / 64;
    for (const [index, cell] of cells.entries()) {
      const part = letters.slice(index * perCell, (index + 1) * perCell);
      const [allocated, cached] = [part.match(/[A-Z#]/g)?.length ?? 0, part.match(/[a-z+]/g)?.length ?? 0];
      assertEquals([cell.allocatedBytes, cell.cachedBytes], [allocated * 64, cached * 64]);
      assertEquals(cell.byteLength, part.length * 64);
      const mine = (owner: number): number =>
        [...part].filter((letter) => letter !== "." && "#ABC".indexOf(letter.toUpperCase().replace("+", "#")) === owner)
          .length;
      assertEquals(mine(cell.owner), Math.max(...[0, 1, 2, 3].map(mine)));
    }
    const sum = owners.reduce((bytes, share) => bytes + share.allocatedBytes + share.cachedBytes, 0);
    assertEquals(sum, (stats.allocatedBlocks + stats.cachedBlocks) * 64);
    assertEquals(longestFree.byteLength, stats.largestFreeRun * 64);
  });
});

test(
  "survey - of a real pool agrees with stats()",
  withPool((pool) => {
    const blocks = [2, 3, 4, 5].map((length) => present(pool.alloc(length * 64 - 7)));
    pool.free(blocks[1]!);
    const { cells, longestFree, owners, stats } = surveyPool(pool, { cells: 8 });
    assertEquals(stats.allocatedBlocks, 11);
    assertEquals(cells.map(({ allocatedBytes }) => allocatedBytes / 64), [5, 6, 0, 0, 0, 0, 0, 0]);
    assertEquals(longestFree, { offset: 14 * 64, byteLength: stats.largestFreeRun * 64 });
    assertEquals(owners, [{ owner: cells[0]!.owner, allocatedBytes: 11 * 64, cachedBytes: 0 }]);
  }),
);

test("survey - a large pool has no more cells than a small one", () => {
  using pool = makePool({ blocks: 2 ** 24, blockSize: 16, cachedBlocks: 0 });
  pool.allocOffset(2 ** 24);
  const { cells, bytesPerCell } = surveyPool(pool);
  assertEquals([cells.length, bytesPerCell], [1024, 2 ** 18]);
  assertEquals(cells.filter(({ allocatedBytes }) => allocatedBytes === bytesPerCell).length, 64);
});

test("survey - of a pool that grew has as many cells, each of more blocks", () => {
  using pool = makePool({ blocks: 64, maxSize: 64 * 64 * 16 });
  pool.allocMany(64, 64);
  assertEquals(surveyPool(pool, { cells: 64 }).bytesPerCell, 64);
  pool.allocMany(64, 64);
  const { cells, bytesPerCell, stats } = surveyPool(pool, { cells: 64 });
  assert(stats.grown > 0);
  assertEquals(bytesPerCell, Math.ceil(stats.blockCount / 64) * 64);
  const bytes = cells.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  assertEquals([bytes, cells.at(-1)!.offset + cells.at(-1)!.byteLength], [128 * 64, stats.size]);
});

test("survey - refuses a number of cells that is out of bounds or not a number", () => {
  const pool = lettered("A.");
  for (const cells of [0, -1, 1.5, NaN, 16_385, Infinity]) {
    assertError(
      () => surveyPool(pool, { cells }),
      RangeError,
      `Cannot inspect pool: cells must be a whole number from 1 to 16384, got ${cells}`,
    );
  }
  assertError(
    () => surveyPool(pool, { cells: "4" as unknown as number }),
    TypeError,
    "Cannot inspect pool: cells must be a number, got string",
  );
});

test("history - keeps the newest samples, oldest first", () => {
  const history = new PoolHistory(3);
  const allocated = (): number[] => history.samples().map(({ allocatedBlocks }) => allocatedBlocks);
  assertEquals(allocated(), []);
  for (let blocks = 1; blocks <= 3; blocks++) history.add(surveyPool(lettered("A".repeat(blocks))));
  assertEquals(allocated(), [1, 2, 3]);
  for (let blocks = 4; blocks <= 8; blocks++) history.add(surveyPool(lettered("A".repeat(blocks))));
  assertEquals(allocated(), [6, 7, 8]);
});

test("history - refuses a length out of bounds", () => {
  for (const limit of [1, 10_001, 2.5]) {
    assertError(
      () => new PoolHistory(limit),
      RangeError,
      `Cannot inspect pool: history must be a whole number from 2 to 10000, got ${limit}`,
    );
  }
});
