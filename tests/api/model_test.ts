/** Random operations on a pool and on a model of it. After each, the results, check(), stats and blocks are compared. */

import fc from "fast-check";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { Model, type Operation } from "./_model.ts";
import { makePool, type PoolShape } from "../support/pool.ts";
import { forAll } from "../support/random.ts";

const BLOCK_SIZE = 64;

/** Lengths that need one block, a few, many, and sometimes more than the pool has. */
const bytes = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: BLOCK_SIZE }), weight: 5 },
  { arbitrary: fc.integer({ min: 1, max: 8 * BLOCK_SIZE }), weight: 4 },
  { arbitrary: fc.integer({ min: 1, max: 40 * BLOCK_SIZE }), weight: 1 },
  { arbitrary: fc.constantFrom(BLOCK_SIZE, BLOCK_SIZE + 1, 2 * BLOCK_SIZE, 200 * BLOCK_SIZE), weight: 1 },
);
const pick = fc.nat(10_000);

const allocating: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom("alloc", "alloc", "calloc", "allocOffset", "callocOffset"),
  bytes,
});
const resizing: fc.Arbitrary<Operation> = fc.record({ kind: fc.constantFrom("realloc", "reallocOffset"), pick, bytes });
const freeing: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom("free", "free", "freeOffset", "freeRecord", "freeAgain", "inspect"),
  pick,
});
const allocatingMany: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constant("allocMany"),
  count: fc.nat(12),
  bytes: fc.integer({ min: 1, max: 3 * BLOCK_SIZE }),
});
const freeingMany: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constant("freeMany"),
  picks: fc.array(pick, { maxLength: 12 }),
});

const layout = fc.nat(2);
const allocatingRecord: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom("allocRecord", "callocRecord"),
  layout,
});
const allocatingRecords: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constant("allocRecords"),
  count: fc.nat(12),
  layout,
});
const freeingRecords: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constant("freeRecords"),
  picks: fc.array(pick, { maxLength: 12 }),
});

const trimming: fc.Arbitrary<Operation> = fc.constant({ kind: "trim" });

const operations = fc.array(
  fc.oneof(
    { arbitrary: allocating, weight: 10 },
    { arbitrary: resizing, weight: 4 },
    { arbitrary: freeing, weight: 9 },
    { arbitrary: allocatingMany, weight: 1 },
    { arbitrary: freeingMany, weight: 1 },
    { arbitrary: allocatingRecord, weight: 4 },
    { arbitrary: allocatingRecords, weight: 1 },
    { arbitrary: freeingRecords, weight: 1 },
    { arbitrary: trimming, weight: 1 },
  ),
  { maxLength: 400, size: "max" }, // no minimum length, so that fast-check can shorten a counterexample
);

/** Compares a pool of this shape with the model over at least `atLeast` operations. */
function testModel(situation: string, shape: PoolShape, atLeast: number): void {
  test(`model - agrees with the pool over ${atLeast} operations, ${situation}`, () => {
    for (let done = 0; done < atLeast;) {
      forAll(Math.min(50, atLeast / 200), operations, (all) => {
        using pool = makePool({ blockSize: BLOCK_SIZE, ...shape });
        const model = new Model(pool, Math.floor((shape.maxSize ?? pool.size) / BLOCK_SIZE));
        for (const operation of all) model.run(operation);
        model.end();
        done += all.length;
      });
    }
  });
}

testModel("64 blocks without worker caches", { blocks: 64, cachedBlocks: 0 }, effort(8000, 350_000));
testModel("64 blocks with worker caches", { blocks: 64, cachedBlocks: 64 }, effort(8000, 300_000));
testModel(
  "200 blocks with small caches of blocks and buffers",
  { blocks: 200, cachedBlocks: 4, cachedBuffers: 7 },
  effort(6000, 200_000),
);
testModel("7 blocks, nearly always full", { blocks: 7, cachedBlocks: 2, cachedBuffers: 0 }, effort(6000, 130_000));
testModel("64 blocks, checked", { blocks: 64, checked: true }, effort(800, 20_000));
testModel(
  "7 blocks, checked, without kept buffers",
  { blocks: 7, checked: true, cachedBuffers: 0 },
  effort(800, 10_000),
);
testModel("3 blocks that may grow to 300", { blocks: 3, maxSize: 300 * BLOCK_SIZE }, effort(3000, 50_000));
testModel(
  "5 blocks that may grow to 100, with worker caches",
  { blocks: 5, maxSize: 100 * BLOCK_SIZE, cachedBlocks: 8 },
  effort(3000, 50_000),
);
testModel(
  "5 blocks that may grow to 60, checked",
  { blocks: 5, maxSize: 60 * BLOCK_SIZE, checked: true },
  effort(600, 10_000),
);
