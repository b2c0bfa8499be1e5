/** Records that several workers share. */

import { assert, assertEquals } from "@std/assert";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { makeFlags, type UseWorkers, withPoolWorkersOf } from "../support/pool_workers.ts";
import { assertOneFreeRun, type PoolShape } from "../support/pool.ts";
import { Node, nodesOf, type RecordOrder } from "./_shared.ts";

function withRecordWorkers(count: number, shape: PoolShape, use: UseWorkers<RecordOrder>): Promise<void> {
  const file = new URL("_worker.ts", import.meta.url);
  return withPoolWorkersOf<RecordOrder>(file, count, { blockSize: Node.byteLength, ...shape }, use);
}

const LENGTH = 1000;
const SUM = LENGTH * (LENGTH - 1) / 2;

test("shared records - a list that one worker made is walked and dropped by others", () =>
  withRecordWorkers(2, { blocks: LENGTH }, async (pool, [one, other]) => {
    const { first } = await one!.order<{ first: number }>({ ask: "make list", length: LENGTH });
    assertEquals(await other!.order({ ask: "walk", first }), SUM);
    assertEquals(await one!.order({ ask: "walk with a cursor", first }), SUM + LENGTH);
    const nodes = nodesOf(pool);
    let [sum, visits] = [0, 0];
    for (const cursor = nodes.cursor(first); cursor.ref >= 0; cursor.ref = cursor.next) {
      sum += cursor.cost;
      visits += cursor.visits;
    }
    assertEquals([sum, visits], [SUM + 2 * LENGTH, 2 * LENGTH]);
    await other!.order({ ask: "drop", first });
    assertEquals(pool.stats().allocatedBlocks, 0);
  }));

// The reader's arrays end where the pool ended when it attached. Writes past their end would be lost without a trace.
for (const walk of ["walk", "walk with a cursor"] as const) {
  test(`shared records - are used at once where another worker made the pool grow, ${walk}`, () =>
    withRecordWorkers(2, { blocks: 8, maxSize: LENGTH * Node.byteLength }, async (pool, [maker, reader]) => {
      const nodes = nodesOf(pool); // before the pool grows
      const { first, grown } = await maker!.order<{ first: number; grown: number }>({
        ask: "make list",
        length: LENGTH,
      });
      assert(grown > 5, `the pool grew ${grown} times`);
      assertEquals(await reader!.order({ ask: walk, first }), SUM);
      let sum = 0;
      for (let ref = first; ref >= 0; ref = nodes.get.next(ref)) {
        nodes.set.tags(ref, 0, 9);
        assertEquals([nodes.view.tags(ref)[0], nodes.atomics.visits.load(ref)], [9, 1]);
        sum += nodes.get.cost(ref);
      }
      assertEquals(sum, SUM + LENGTH);
      await reader!.order({ ask: "drop", first });
      assertOneFreeRun(pool);
    }));
}

for (const access of ["set", "set of an element", "cursor", "atomics", "view"] as const) {
  test(`shared records - the first access after growth may be a write: ${access}`, () =>
    withRecordWorkers(1, { blocks: 4, maxSize: 100 * Node.byteLength }, async (pool, [maker]) => {
      const nodes = nodesOf(pool);
      const cursor = nodes.cursor();
      const { first } = await maker!.order<{ first: number }>({ ask: "make list", length: 100 });
      if (access === "set") nodes.set.cost(first, 5);
      else if (access === "set of an element") nodes.set.tags(first, 1, 5);
      else if (access === "atomics") assertEquals(nodes.atomics.visits.exchange(first, 5), 0);
      else if (access === "view") nodes.view.tags(first)[1] = 5;
      else {
        cursor.ref = first;
        cursor.cost = 5;
      }
      const found = { set: nodes.get.cost(first), cursor: nodes.get.cost(first), atomics: nodes.get.visits(first) };
      const all = { ...found, "set of an element": nodes.get.tags(first, 1), view: nodes.get.tags(first, 1) };
      assertEquals(all[access], 5);
    }));
}

test("shared records - atomic operations of several workers are exact", () =>
  withRecordWorkers(2, { blocks: 4 }, async (pool, workers) => {
    const nodes = nodesOf(pool);
    const ref = nodes.calloc();
    const times = effort(20_000, 500_000);
    const { flags, words } = makeFlags();
    const counted = workers.map((worker) => worker.order({ ask: "count", ref, times, flags }));
    Atomics.add(words, 0, 1); // both may begin
    Atomics.notify(words, 0);
    await Promise.all(counted);
    assertEquals([nodes.get.visits(ref), nodes.get.big(ref)], [2 * times, BigInt(2 * times)]);
    nodes.free(ref);
  }));

test("shared records - several workers allocate and free records of one pool", () =>
  withRecordWorkers(3, { blocks: 100, maxSize: 400 * Node.byteLength, cachedBlocks: 16 }, async (pool, workers) => {
    const rounds = effort(1000, 100_000);
    const got = await Promise.all(workers.map((worker) => worker.order<number>({ ask: "churn", rounds })));
    assert(got.every((count) => count > rounds / 2), `${got}`);
    assertEquals(pool.stats().allocatedBlocks, 0);
  }));

test("shared records - a worker that uses records while another one destroys the pool gets no fault", () =>
  withRecordWorkers(2, { blocks: 1000, checked: false }, async (pool, [user, destroyer]) => {
    const ref = nodesOf(pool).calloc();
    const { flags, words } = makeFlags();
    const used = user!.order<{ uses: number; code: string }>({ ask: "use", ref, flags });
    while (Atomics.load(words, 0) < 1000) await new Promise((resolve) => setTimeout(resolve, 1));
    await destroyer!.order({ ask: "destroy" });
    const then = Atomics.load(words, 0);
    while (Atomics.load(words, 0) < then + 1000) await new Promise((resolve) => setTimeout(resolve, 1));
    Atomics.store(words, 1, 1);
    const { uses, code } = await used;
    assertEquals([uses >= then + 1000, code], [true, "destroyed"]);
    assertEquals(pool.destroyed, true);
  }));
