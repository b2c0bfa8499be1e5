/**
 * Checked pools with several workers: errors and leaks have the stacks of other workers too. In the titles, "there" is
 * another worker and "here" is the thread of the test.
 */

import { assert, assertEquals, assertFalse } from "@std/assert";
import type { LeakInfo, MemPool } from "mempool";
import { workerOf } from "../../src/region/block_table.ts";
import {
  allocateHere,
  assertDoubleFree,
  assertInnermost,
  assertMessage,
  assertZero,
  freeHere,
  freeOffsetHere,
  Kept,
} from "./_checked.ts";
import { withCheckedWorkers } from "./_checked_workers.ts";
import type { Outcome } from "./_worker.ts";
import { test } from "../support/harness.ts";
import { assertMarked, assertOneFreeRun, insideOf, mark } from "../support/pool.ts";

const DONE: Outcome = { code: "done", message: "" };

/** Expects a double free in the other worker whose message has stacks in these functions. */
function assertRefusedThere(
  { code, message }: Outcome,
  offset: number,
  ...where: readonly [string, string, string]
): void {
  assertEquals(code, "double-free", message);
  const headings = ["allocated", "first freed", "freed again"];
  assertMessage(
    message,
    `Cannot free block at offset ${offset}: it is already free`,
    headings.map((heading, index) => [heading, where[index]!] as const),
  );
}

test("checked workers - a buffer here is stale once its block was freed there, even if it is allocated again", () =>
  withCheckedWorkers(1, async (pool, worker) => {
    const block = allocateHere(pool);
    assertEquals(await worker!.order({ ask: "freeOffset", offset: 0 }), DONE);
    const assertStale = (): void => {
      assertFalse(pool.owns(block));
      assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "freeOffsetInWorker", "freeHere");
    };
    assertStale();
    assertZero(pool, 0, 64);
    await worker!.order({ ask: "alloc", bytes: 50 });
    assertStale();
    assertEquals(pool.leaks().length, 1);
  }));

test("checked workers - a block that was freed there has a new buffer when alloc or at returns it here", () =>
  withCheckedWorkers(1, async (pool, worker) => {
    for (const again of ["alloc", "at"] as const) {
      const stale = new Kept(allocateHere(pool));
      await worker!.order({ ask: "freeOffset", offset: 0 });
      if (again === "at") await worker!.order({ ask: "alloc", bytes: 50 });
      const block = again === "at" ? pool.at(0) : allocateHere(pool);
      assert(block !== stale.buffer, again);
      stale.assertDetached();
      assertDoubleFree(() => freeHere(pool, stale.buffer), 0, "allocateHere", "freeOffsetInWorker", "freeHere");
      assert(pool.owns(block));
      pool.free(block);
    }
    assertOneFreeRun(pool);
  }));

test("checked workers - a free of a block that was posted there and freed there is a double free with that stack", () =>
  withCheckedWorkers(1, async (pool, worker) => {
    const block = allocateHere(pool);
    assertEquals(await worker!.order({ ask: "free buffer", buffer: block }, [block]), DONE);
    assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "freeInWorker", "freeHere");
    allocateHere(pool);
    assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "freeInWorker", "freeHere");
  }));

test("checked workers - a free there of a block that was allocated there and freed here throws there", () =>
  withCheckedWorkers(1, async (pool, worker) => {
    const offset = await worker!.order<number>({ ask: "alloc", bytes: 150 });
    const block = new Kept(pool.at(offset));
    assertMarked(block.buffer, 150);
    freeHere(pool, block.buffer);
    block.assertDetached();
    const stacks = ["allocateInWorker", "freeHere"] as const;
    assertRefusedThere(await worker!.order({ ask: "free", place: 0 }), 0, ...stacks, "freeInWorker");
    assertRefusedThere(await worker!.order({ ask: "freeOffset", offset }), 0, ...stacks, "freeOffsetInWorker");
    assertDoubleFree(() => freeHere(pool, block.buffer), 0, ...stacks, "freeHere");
    allocateHere(pool, 150);
    assertRefusedThere(await worker!.order({ ask: "free", place: 0 }), 0, ...stacks, "freeInWorker");
    assertEquals(await worker!.order({ ask: "state", place: 0 }), { detached: false, owned: false });
  }));

test("checked workers - a free there of a block that was posted here and freed here throws there", () =>
  withCheckedWorkers(1, async (pool, worker) => {
    await worker!.order({ ask: "alloc", bytes: 50 });
    const block = new Kept(await worker!.order<ArrayBuffer>({ ask: "post", place: 0 }));
    assert(pool.owns(block.buffer));
    freeHere(pool, block.buffer);
    block.assertDetached();
    assertDoubleFree(() => freeHere(pool, block.buffer), 0, "allocateInWorker", "freeHere", "freeHere");
    assertRefusedThere(
      await worker!.order({ ask: "free", place: 0 }),
      0,
      "allocateInWorker",
      "freeHere",
      "freeInWorker",
    );
  }));

test("checked workers - a buffer here is stale after a realloc there, and the new block can be freed", () =>
  withCheckedWorkers(1, async (pool, worker) => {
    for (const bytes of [20, 60, 500]) {
      const block = allocateHere(pool);
      await worker!.order({ ask: "look", offset: 0 });
      pool.allocOffset(1);
      const place = bytes === 20 ? 0 : bytes === 60 ? 2 : 4;
      const offset = await worker!.order<number>({ ask: "realloc", place, bytes });
      assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "reallocInWorker", "freeHere");
      assertEquals(pool.at(offset).byteLength, bytes);
      pool.freeOffset(offset);
      pool.freeOffset(64);
    }
    assertOneFreeRun(pool);
  }));

test("checked workers - a free here is a double free after the block was freed and allocated there several times", () =>
  withCheckedWorkers(1, async (pool, worker) => {
    const block = allocateHere(pool);
    for (let time = 0; time < 3; time++) {
      assertEquals(await worker!.order({ ask: "freeOffset", offset: 0 }), DONE);
      await worker!.order({ ask: "alloc", bytes: 50 });
    }
    const lost = "(not recorded: other workers have freed the block since)";
    assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", lost, "freeHere");
    const mine = allocateHere(pool);
    freeHere(pool, mine);
    await worker!.order({ ask: "alloc", bytes: 50 });
    await worker!.order({ ask: "freeOffset", offset: 64 });
    assertDoubleFree(() => freeHere(pool, mine), 64, "allocateHere", "freeHere", "freeHere");
  }));

test("checked workers - leaks lists the blocks of all workers, oldest first, with stack and owner", () =>
  withCheckedWorkers(2, async (pool, one, other) => {
    const [first] = [allocateHere(pool, 10), await one!.order({ ask: "alloc", bytes: 100 })];
    await other!.order({ ask: "alloc", bytes: 20 });
    const offset = pool.allocOffset(30);
    await one!.order({ ask: "alloc", bytes: 40 });
    const leaks = pool.leaks();
    assertEquals(leaks.map(({ byteLength }) => byteLength), [10, 100, 20, 30, 40]);
    assertEquals(leaks.map(({ offset }) => offset / 64), [0, 1, 3, 4, 5]);
    for (const place of [1, 2, 4]) assertInnermost(leaks[place]!.stack.split("\n"), "allocateInWorker");
    assertInnermost(leaks[0]!.stack.split("\n"), "allocateHere");
    const { table } = insideOf(pool).region;
    assertEquals(leaks.map(({ owner }) => owner), [0, 1, 3, 4, 5].map((block) => workerOf(table.tag(block))));
    const [mine, ones, others] = [leaks[0]!.owner, leaks[1]!.owner, leaks[2]!.owner];
    assertEquals([leaks[3]!.owner, leaks[4]!.owner, new Set([mine, ones, others]).size], [mine, ones, 3]);
    assertEquals(await one!.order({ ask: "leaks" }), leaks);

    // A worker that calls at() becomes the owner.
    await other!.order({ ask: "look", offset });
    assertEquals(pool.leaks()[3]!.owner, others);
    // A freed block is no leak, no matter which worker freed it.
    await other!.order({ ask: "freeOffset", offset: pool.offsetOf(first) });
    pool.freeOffset(64);
    assertEquals(pool.leaks().map(({ byteLength }) => byteLength), [20, 30, 40]);
    // A block is as old as its last realloc.
    await other!.order({ ask: "realloc", place: 0, bytes: 500 });
    const again = pool.leaks();
    assertEquals(again.map(({ byteLength }) => byteLength), [30, 40, 500]);
    assertInnermost(again[2]!.stack.split("\n"), "reallocInWorker");
  }));

test("checked workers - leaks of a terminated worker stay until reap takes them back and zeroes their memory", () =>
  withCheckedWorkers(2, async (pool, victim, other) => {
    for (const bytes of [10, 100, 300]) await victim!.order({ ask: "alloc", bytes });
    await other!.order({ ask: "alloc", bytes: 20 });
    const mine = allocateHere(pool, 30);
    const before = pool.leaks();
    await victim!.die();
    assertEquals(pool.leaks(), before);
    // The victim had block 0, blocks 1 and 2, and blocks 3 to 7.
    assertEquals(pool.reap(), 8);
    assertZero(pool, 0, 8 * 64);
    assertEquals(pool.leaks().map(({ byteLength }) => byteLength), [20, 30]);
    assertEquals((await other!.order<LeakInfo[]>({ ask: "leaks" })).length, 2);
    pool.freeMany([mine, pool.at(8 * 64)]);
    assertOneFreeRun(pool);
  }));

function reapHere(pool: MemPool): number {
  const blocks = pool.reap();
  assert(blocks > 0);
  return blocks;
}

test("checked workers - reap takes back blocks that a dead worker had taken over, and detaches the buffers here", () =>
  withCheckedWorkers(1, async (pool, victim) => {
    const kept = [50, 150].map((bytes) => new Kept(allocateHere(pool, bytes)));
    for (const { buffer } of kept) mark(buffer, 1);
    for (const offset of [0, 64]) await victim!.order({ ask: "look", offset });
    const free = allocateHere(pool);
    await victim!.die();
    assertEquals(reapHere(pool), 4);
    for (const [place, each] of kept.entries()) {
      each.assertDetached();
      assertDoubleFree(() => freeHere(pool, each.buffer), 64 * place, "allocateHere", "reapHere", "freeHere");
    }
    assertDoubleFree(() => freeOffsetHere(pool, 0), 0, "allocateHere", "reapHere", "freeOffsetHere");
    assertZero(pool, 0, 4 * 64);
    pool.free(free);
    assertOneFreeRun(pool);
  }));

test("checked workers - the next call here detaches every buffer after the pool was destroyed there", () =>
  withCheckedWorkers(1, async (pool, worker) => {
    const kept = [50, 150].map((bytes) => new Kept(allocateHere(pool, bytes)));
    kept.push(new Kept(pool.buffer));
    const [[report]] = await worker!.order<[[string]]>({ ask: "destroy" });
    assert(
      report.startsWith(`mempool: pool ${pool.handle.id} destroyed: 2 blocks, 200 bytes, still allocated\n`),
      report,
    );
    assert(pool.destroyed);
    assertEquals(pool.buffer.byteLength, 0);
    let refused = false;
    try {
      pool.alloc(1);
    } catch {
      refused = true;
    }
    assert(refused);
    for (const each of kept) each.assertDetached();
  }));
