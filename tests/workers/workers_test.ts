/**
 * Several workers on one pool: blocks that are handed from worker to worker, races for one block, and workers that
 * destroy, close, or are terminated in the middle of their work. pool_worker.ts in tests/support executes the orders.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { MemPoolStats } from "mempool";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { makeFlags, type PoolWorker, withPoolWorkers } from "../support/pool_workers.ts";
import { type Ending, type Order, type Parcel, PROGRESS, type RaceKind, STOP } from "../support/orders.ts";
import {
  assertMarked,
  assertOneFreeRun,
  assertRefused,
  destroyQuietly,
  mark,
  type PoolShape,
  present,
} from "../support/pool.ts";
import { withSeed } from "../support/random.ts";

const LARGE = { blocks: 8192, blockSize: 64, cachedBlocks: 0 };

interface Kind extends PoolShape {
  readonly kind: string;
  /** The factor by which a pool of this kind is slower. The tests do less by this factor. */
  readonly slow: number;
}

const KINDS: readonly Kind[] = [
  { kind: "no blocks cached", checked: false, cachedBlocks: 0, slow: 1 },
  { kind: "64 blocks cached", checked: false, cachedBlocks: 64, slow: 1 },
  { kind: "checked", checked: true, slow: 10 },
];

/** The buffers among the parcels, for a transfer list. */
function buffersOf(parcels: readonly Parcel[]): ArrayBuffer[] {
  return parcels.map(({ where }) => where).filter((where) => typeof where !== "number");
}

/** Every worker allocates blocks, and the next worker checks and frees them. */
async function passRound(
  team: PoolWorker<Order>[],
  as: "offset" | "buffer",
  count: number,
  seed: number,
): Promise<void> {
  const made = await Promise.all(
    team.map((worker, place) => worker.order<Parcel[]>({ ask: "produce", count, seed: seed + place, as })),
  );
  await Promise.all(team.map((worker, place) => {
    const parcels = made[(place + 1) % team.length]!;
    return worker.order({ ask: "consume", parcels }, buffersOf(parcels));
  }));
}

for (const { kind, slow, ...shape } of KINDS) {
  test(`workers - four workers pass blocks on by offset and by buffer, ${kind}: in the end, everything is free`, () =>
    withSeed((seed) =>
      withPoolWorkers(4, { ...LARGE, ...shape }, async (pool, team) => {
        for (const as of ["offset", "buffer"] as const) {
          for (let round = 0; round < 5; round++) await passRound(team, as, 100 / slow, seed);
        }
        const { allocs, frees, allocatedBlocks, workers } = pool.stats();
        assertEquals({ allocs, frees, allocatedBlocks, workers }, {
          allocs: 4000 / slow,
          frees: 4000 / slow,
          allocatedBlocks: 0,
          workers: 5,
        });
        await Promise.all(team.map((worker) => worker.order({ ask: "close" })));
        assertOneFreeRun(pool);
      })
    ));

  test(`workers - four workers allocate, resize and free at the same time, ${kind}: no block is overwritten`, () =>
    withSeed((seed) =>
      withPoolWorkers(4, { blocks: 512, ...shape }, async (pool, team) => {
        const { flags } = makeFlags();
        const steps = effort(4000, 40_000) / slow;
        const endings = await Promise.all(
          team.map((worker, place) => worker.order<Ending>({ ask: "churn", steps, seed: seed + place, flags })),
        );
        assertEquals(endings, Array(4).fill({ code: "done", message: "", steps }));
        assertEquals(pool.stats().allocatedBlocks, 0);
        await Promise.all(team.map((worker) => worker.order({ ask: "close" })));
        assertOneFreeRun(pool);
      })
    ));

  test(`workers - two workers free one block at the same moment, ${kind}: exactly one succeeds`, () =>
    withPoolWorkers(2, { blocks: 4000, ...shape }, async (pool, team) => {
      for (const by of ["freeOffset", "free", "freeMany"] as RaceKind[]) {
        const { flags } = makeFlags();
        // Alternately single blocks and runs.
        const offsets = Array.from(
          { length: effort(slow === 1 ? 300 : 150, 2000) },
          (_, round) => pool.allocOffset(1 + 64 * (round % 2)),
        );
        const race = { ask: "race", offsets, by, flags } as const;
        const [one, other] = await Promise.all(team.map((worker) => worker.order<string[]>(race)));
        const pairs = offsets.map((_, round) => [one![round]!, other![round]!].sort().join(" "));
        assertEquals([...new Set(pairs)], ["done double-free"], by);
      }
      await Promise.all(team.map((worker) => worker.order({ ask: "close" })));
      assertOneFreeRun(pool);
    }));

  test(`workers - two workers allocate the last block at the same moment, ${kind}: exactly one gets it`, () =>
    withPoolWorkers(2, { blocks: 2, ...shape }, async (pool, team) => {
      const { flags } = makeFlags();
      const keep = present(pool.alloc(1));
      const rounds = effort(slow === 1 ? 200 : 100, 2000);
      const race = { ask: "race to alloc", rounds, flags } as const;
      const [one, other] = await Promise.all(team.map((worker) => worker.order<boolean[]>(race)));
      assertEquals(one!.map((won, round) => Number(won) + Number(other![round])), Array(rounds).fill(1));
      pool.free(keep);
    }));
}

test("workers - two workers call at() for one block at the same moment: both succeed, and it can be freed", () =>
  withPoolWorkers(2, { blocks: 1000 }, async (pool, team) => {
    const { flags } = makeFlags();
    const offsets = Array.from({ length: 300 }, (_, round) => pool.allocOffset(1 + 64 * (round % 2)));
    const race = { ask: "race", offsets, by: "at", flags } as const;
    const outcomes = await Promise.all(team.map((worker) => worker.order<string[]>(race)));
    assertEquals([...new Set(outcomes.flat())], ["done"]);
    for (const offset of offsets) pool.freeOffset(offset);
    assertOneFreeRun(pool);
  }));

test("workers - a block that passes between workers, by offset and by buffer, keeps its bytes", () =>
  withPoolWorkers(1, {}, async (pool, [worker]) => {
    const parcels = await worker!.order<Parcel[]>({ ask: "produce", count: 3, seed: 1, as: "buffer" });
    for (const { where, cookie } of parcels) {
      assert(where instanceof ArrayBuffer && pool.owns(where));
      assertMarked(where, cookie);
      pool.free(where);
    }
    const block = present(pool.alloc(500));
    mark(block, 1);
    const offset = pool.offsetOf(block);
    await worker!.order({ ask: "consume", parcels: [{ where: block, cookie: 1 }] }, [block]);
    assertRefused(
      () => pool.freeOffset(offset),
      "double-free",
      `Cannot free block at offset ${offset}: it is already free`,
    );
    assertEquals([block.byteLength, pool.owns(block)], [0, false]);
    assertOneFreeRun(pool);
  }));

test("workers - a buffer that is posted without a transfer list is a copy, and freeing it is refused", () =>
  withPoolWorkers(1, {}, async (pool, [worker]) => {
    const block = present(pool.alloc(10));
    mark(block, 1);
    const error = await assertRejects(
      () => worker!.order({ ask: "consume", parcels: [{ where: block, cookie: 1 }] }),
      Error,
      "Cannot free an object (ArrayBuffer): it is not a block of this pool",
    );
    assertEquals([error.name, (error as { code?: string }).code], ["MemPoolError", "foreign-block"]);
    assert(pool.owns(block));
  }));

const UNCHECKED_AND_CHECKED = [
  { kind: "unchecked", slow: 1, rounds: effort(2, 50), checked: false },
  { kind: "checked", slow: 10, rounds: effort(1, 20), checked: true },
] as const;

for (const { kind, slow, rounds, ...shape } of UNCHECKED_AND_CHECKED) {
  test(`workers - one worker destroys the pool while others use it, ${kind}: their calls throw destroyed`, () =>
    withSeed(async (seed) => {
      for (let round = 0; round < rounds; round++) {
        await withPoolWorkers(3, { blocks: 512, ...shape }, async (pool, team) => {
          const { flags, words } = makeFlags();
          const endings = team.map((worker, place) =>
            worker.order<Ending>({ ask: "churn", steps: Infinity, seed: seed + place, flags })
          );
          waitFor(words, 1000 / slow);
          const stale = present(pool.alloc(1));
          destroyQuietly(pool);
          if (!stale.detached) new Uint8Array(stale).fill(1);
          for (const { code, message } of await Promise.all(endings)) {
            assertEquals(code, "destroyed");
            assert(/^Cannot (allocate|free|reallocate): the pool is destroyed$/.test(message), message);
          }
          const { id } = pool.handle;
          const again = team[0]!.order({ ask: "attach", handle: pool.handle });
          await assertRejects(() => again, Error, `Cannot attach to pool ${id}: it is destroyed`);
        });
      }
    }));
}

test("workers - a worker that has attached can destroy the pool", () =>
  withPoolWorkers(2, {}, async (pool, team) => {
    await team[0]!.order({ ask: "destroy" });
    assert(pool.destroyed);
    assertRefused(() => pool.alloc(1), "destroyed", "Cannot allocate: the pool is destroyed");
    const call = team[1]!.order({ ask: "stats" });
    await assertRejects(() => call, Error, "Cannot collect statistics: the pool is destroyed");
  }));

test("workers - when a worker closes the pool, its blocks stay allocated and other workers stay attached", () =>
  withPoolWorkers(2, {}, async (pool, team) => {
    const parcels = await team[0]!.order<Parcel[]>({ ask: "produce", count: 5, seed: 1, as: "offset" });
    assertEquals(pool.stats().workers, 3);
    await team[0]!.order({ ask: "close" });
    assertEquals(pool.stats().workers, 2);
    const call = team[0]!.order({ ask: "stats" });
    await assertRejects(() => call, Error, "Cannot collect statistics: this pool object is closed");
    await team[1]!.order({ ask: "consume", parcels });
    assertEquals((await team[1]!.order<MemPoolStats>({ ask: "stats" })).allocatedBlocks, 0);
    await team[0]!.order({ ask: "attach", handle: pool.handle });
    assertEquals((await team[0]!.order<MemPoolStats>({ ask: "stats" })).workers, 3);
  }));

test("workers - when a worker is terminated, the pool and its blocks stay usable for other workers", () =>
  withPoolWorkers(2, { blocks: 512 }, async (pool, team) => {
    const parcels = await team[0]!.order<Parcel[]>({ ask: "produce", count: 5, seed: 1, as: "offset" });
    team[0]!.terminate();
    await team[1]!.order({ ask: "consume", parcels });
    assertEquals(pool.stats().allocatedBlocks, 0);
    present(pool.alloc(400 * 64));
  }));

for (const { kind, slow, rounds, ...shape } of UNCHECKED_AND_CHECKED) {
  test(`workers - a worker is terminated at a random moment, ${kind}: other workers continue`, () =>
    withSeed(async (seed) => {
      for (let round = 0; round < rounds; round++) {
        // The victim allocates more than it frees. The pool is so large that it is terminated before it has filled the
        // pool.
        await withPoolWorkers(2, { blocks: 2 ** 18, ...shape }, async (pool, team) => {
          const { flags, words } = makeFlags();
          const [victim, other] = team as [PoolWorker<Order>, PoolWorker<Order>];
          const lost = victim.order({ ask: "churn", steps: Infinity, seed, flags }).catch((error: Error) => error);
          waitFor(words, (300 + round * 77) / slow);
          victim.terminate();
          assert(await lost instanceof Error);
          const { flags: own } = makeFlags();
          const ending = await other.order<Ending>({ ask: "churn", steps: 5000 / slow, seed: seed + 1, flags: own });
          assertEquals(ending, { code: "done", message: "", steps: 5000 / slow });
          Atomics.store(words, STOP, 1); // Deno does not terminate a worker inside a loop
          pool.free(present(pool.alloc(100)));
          pool.check();
        });
      }
    }));
}

/** Waits until all workers together have made `steps` steps. */
function waitFor(words: Int32Array, steps: number): void {
  for (;;) {
    const done = Atomics.load(words, PROGRESS);
    if (done >= steps) return;
    Atomics.wait(words, PROGRESS, done, 1000);
  }
}
