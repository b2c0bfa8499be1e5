/** Checked pools report blocks that were written after they were freed. io_test.ts has the case of a read in flight. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { MemPool } from "mempool";
import { OWNER_DEATHS } from "../../src/region/layout.ts";
import { allocateHere, assertMessage, CHECKED, freeHere, reallocHere } from "./_checked.ts";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { destroyQuietly, insideOf, makePool, warningsOf } from "../support/pool.ts";
import { forAll } from "../support/random.ts";

/** Writes a byte at an offset, as native code with a stale address does. */
function write(pool: MemPool, offset: number): void {
  new Uint8Array(pool.buffer)[offset] = 1;
}

/** What `act` prints: the text of each line. */
function reportsOf(act: () => unknown): string[] {
  return warningsOf(act).map(([report]) => String(report));
}

const late = (offset: number): string => `mempool: block at offset ${offset} was written after it was freed`;

/** Expects one report of this kind: on the first allocation of `pool`. */
function assertLate(reports: readonly string[], offset: number): void {
  assertEquals(reports.length, 1, reports.join("\n"));
  assertMessage(reports[0]!, late(offset), [["allocated", "allocateHere"], ["freed", "freeHere"]]);
}

/** A pool whose first block was freed. */
function poolWithFreed(bytes = 50): MemPool {
  const pool = makePool(CHECKED);
  freeHere(pool, allocateHere(pool, bytes));
  return pool;
}

test("late writes - a block that is allocated again is reported with the next call, with both stacks", () => {
  const pool = poolWithFreed();
  write(pool, 63);
  const [again] = [pool.alloc(64)!];
  assertLate(reportsOf(() => pool.stats()), 0);
  assertEquals(reportsOf(() => pool.free(again)), []);
  assertEquals(reportsOf(() => pool.destroy()), []);
});

test("late writes - every kind of allocation reports them", () => {
  const kinds: Readonly<Record<string, (pool: MemPool) => unknown>> = {
    alloc: (pool) => pool.alloc(10),
    calloc: (pool) => pool.calloc(10, 1),
    allocOffset: (pool) => pool.allocOffset(10),
    callocOffset: (pool) => pool.callocOffset(10, 1),
    allocMany: (pool) => pool.allocMany(2, 10),
    allocArray: (pool) => pool.allocArray(Uint8Array, 10),
    allocAsync: (pool) => pool.allocAsync(10),
    lease: (pool) => pool.lease(10),
  };
  for (const [kind, allocate] of Object.entries(kinds)) {
    const pool = poolWithFreed();
    write(pool, 0);
    allocate(pool);
    assertLate(reportsOf(() => pool.stats()), 0);
    assertEquals(kind in pool, true);
    destroyQuietly(pool);
  }
});

test("late writes - realloc that moves reports them", () => {
  const pool = makePool({ ...CHECKED, blocks: 8 });
  const [first, other] = [allocateHere(pool, 50), allocateHere(pool, 50)];
  allocateHere(pool, 50);
  freeHere(pool, first);
  write(pool, 5);
  // The only free run that is long enough begins behind the third block.
  assertEquals(pool.offsetOf(reallocHere(pool, other, 100)), 192);
  assertEquals(reportsOf(() => pool.stats()), []);
  const block = allocateHere(pool, 50);
  assertLate(reportsOf(() => pool.offsetOf(block)), 0);
  destroyQuietly(pool);
});

test("late writes - check reports each of them once", () => {
  const pool = poolWithFreed();
  write(pool, 10);
  assertLate(reportsOf(() => pool.check()), 0);
  assertEquals(reportsOf(() => pool.check()), []);
  assertEquals(reportsOf(() => pool.destroy()), []);
});

test("late writes - destroy and disposal report them, before the report on leaks", () => {
  for (const end of [(pool: MemPool) => pool.destroy(), (pool: MemPool) => pool[Symbol.dispose]()]) {
    const pool = poolWithFreed();
    write(pool, 10);
    assertLate(reportsOf(() => end(pool)), 0);
    const leaking = poolWithFreed();
    leaking.allocOffset(64);
    write(leaking, 64);
    leaking.allocOffset(64);
    const { id } = leaking.handle;
    assertEquals(reportsOf(() => end(leaking)).map((report) => report.split("\n")[0]), [
      late(64),
      `mempool: pool ${id} destroyed: 2 blocks, 128 bytes, still allocated`,
    ]);
  }
});

test("late writes - in the middle of a run they are reported with the offset of their block, without stacks", () => {
  const pool = poolWithFreed(300);
  write(pool, 140);
  assertEquals(reportsOf(() => pool.check()), [late(128)]);
  destroyQuietly(pool);
});

test("late writes - after a worker died in a critical section nothing is certain, so nothing is reported", () => {
  const pool = poolWithFreed();
  insideOf(pool).region.counters[OWNER_DEATHS] = 1;
  write(pool, 10);
  assertEquals(reportsOf(() => pool.check()), []);
  pool.allocOffset(10);
  assertEquals(reportsOf(() => pool.stats()), []);
  destroyQuietly(pool);
});

test("late writes - only the first MiB of a run is looked at", () => {
  const MIB = 2 ** 20;
  const pool = makePool({ ...CHECKED, blocks: 2, blockSize: 2 * MIB });
  freeHere(pool, allocateHere(pool, 2 * MIB));
  write(pool, MIB);
  assertEquals(reportsOf(() => pool.check()), []);
  write(pool, MIB - 1);
  assertLate(reportsOf(() => pool.check()), 0);
  pool.destroy();
});

const steps = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 300 }), place: fc.nat() }), { maxLength: 300 });

test("late writes - a program that writes to its own blocks only is never reported", () => {
  forAll(effort(30, 1000), steps, (all) => {
    const pool = makePool({ ...CHECKED, blocks: 12 }); // so small that reallocations often have to slide
    const blocks: ArrayBuffer[] = [];
    const printed = reportsOf(() => {
      for (const { bytes, place } of all) {
        const at = place % (blocks.length + 1);
        const block = at === blocks.length ? pool.alloc(bytes) : pool.realloc(blocks[at]!, bytes);
        if (block === null) {
          for (const freed of blocks.splice(at, 1)) pool.free(freed);
        } else {
          new Uint8Array(block).fill(255);
          blocks[at] = block;
        }
      }
      pool.freeMany(blocks);
      pool.check();
      pool.destroy();
    });
    assertEquals(printed, []);
  });
});

test("late writes - an unchecked pool reports nothing", () => {
  const pool = makePool({ checked: false });
  pool.free(pool.alloc(50)!);
  write(pool, 10);
  assertEquals(reportsOf(() => pool.check()), []);
  pool.allocOffset(10);
  assertEquals(reportsOf(() => pool.destroy()), []);
});
