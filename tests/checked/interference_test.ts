/**
 * Checked pools: one worker in the middle of an operation, and another that frees the block at the worst moment, so that it
 * is handed out again. The moment is the same in every run: what stands for the other worker is called from inside of the
 * operation.
 */

import { assert, assertEquals } from "@std/assert";
import { type MemPool, MemPoolError } from "mempool";
import { DESTROYED, LIVE, REQUESTED_LOW, STATE } from "../../src/region/layout.ts";
import { allocateHere, assertCode, assertMisuse, CHECKED } from "./_checked.ts";
import { test } from "../support/harness.ts";
import { beforeLocking, once } from "../support/once.ts";
import { assertMarked, assertRefused, insideOf, mark, withPool } from "../support/pool.ts";

const THERE = "(in the other worker)";

/** What another worker does to a block of as many bytes: frees it, and is handed it out again. */
function freeAndTakeThere(pool: MemPool, block: number, bytes: number): void {
  const { allocator, tracker } = insideOf(pool);
  freeThere(pool, block);
  assertEquals(allocator.allocate(bytes), block);
  tracker!.log.allocated(block, `    ${THERE}`);
}

function freeThere(pool: MemPool, block: number): void {
  const { allocator, tracker } = insideOf(pool);
  tracker!.log.freed(block, tracker!.log.sequence(block), `    ${THERE}`);
  allocator.freeUncounted(block);
}

/** Calls that name a block of 100 bytes at offset 0, and what their message says. `good` is another block. */
const CALLS: Readonly<
  Record<string, readonly [action: string, call: (pool: MemPool, block: ArrayBuffer, good: ArrayBuffer) => unknown]>
> = {
  "free": ["free", (pool, block) => pool.free(block)],
  "free of a view": ["free", (pool, block) => pool.free(new Uint8Array(block))],
  "freeMany": ["free", (pool, block) => pool.freeMany([block])],
  "freeMany with a good one": ["free", (pool, block, good) => pool.freeMany([good, block])],
  "realloc to the same length": ["reallocate", (pool, block) => pool.realloc(block, 100)],
  "realloc within the blocks": ["reallocate", (pool, block) => pool.realloc(block, 110)],
  "realloc that shrinks": ["reallocate", (pool, block) => pool.realloc(block, 10)],
  "realloc that moves": ["reallocate", (pool, block) => pool.realloc(block, 200)],
};

for (const [name, [action, call]] of Object.entries(CALLS)) {
  test(
    `checked interference - ${name}, and the block is freed and handed out again at that moment`,
    withPool((pool) => {
      const { lock } = insideOf(pool);
      const block = allocateHere(pool, 100);
      const good = allocateHere(pool, 10);
      mark(block, 1);
      beforeLocking(lock, () => freeAndTakeThere(pool, 0, 100));
      assertMisuse(() => call(pool, block, good), `Cannot ${action} block at offset 0: it is already free`, [
        ["allocated", "allocateHere"],
        ["first freed", THERE],
        [action === "free" ? "freed again" : "now to reallocate it", ""],
      ]);
      assert(pool.owns(good));
      assertEquals(
        pool.leaks().map(({ offset, byteLength, stack }) => [offset, byteLength, stack.trim() === THERE]),
        [[128, 10, false], [0, 100, true]],
      );
    }, CHECKED),
  );
}

test(
  "checked interference - realloc that moves, and the block is freed while its contents are copied: nothing is allocated",
  withPool((pool) => {
    const { lock } = insideOf(pool);
    const block = allocateHere(pool, 100);
    const good = allocateHere(pool, 10);
    once(lock, "leave", "after", () => freeThere(pool, 0));
    assertMisuse(() => pool.realloc(block, 200), "Cannot reallocate block at offset 0: it is already free", [
      ["allocated", "allocateHere"],
      ["first freed", THERE],
      ["now to reallocate it", ""],
    ]);
    assertEquals(pool.leaks().map(({ offset }) => offset), [128]);
    pool.free(good);
    assertEquals(pool.stats().largestFreeRun, 64);
  }, CHECKED),
);

test(
  "checked interference - a descriptor that another worker is just changing is no corrupt one",
  withPool((pool) => {
    const { lock, region: { table } } = insideOf(pool);
    const uses: ((block: ArrayBuffer) => unknown)[] = [
      (block) => pool.realloc(block, 100),
      (block) => pool.offsetOf(block),
      () => pool.at(0),
      (block) => pool.free(block),
    ];
    const block = allocateHere(pool, 100);
    for (const use of uses) {
      table.set(0, REQUESTED_LOW, 10); // one block, but the run is of two
      beforeLocking(lock, () => table.set(0, REQUESTED_LOW, 100));
      use(block);
    }
    assertEquals(pool.stats().allocatedBlocks, 0);
  }, CHECKED),
);

for (
  const [action, call] of [
    ["free", (pool, block) => pool.free(block)],
    ["free", (pool, block) => pool.freeMany([block])],
    ["reallocate", (pool, block) => pool.realloc(block, 10)],
    ["locate", (pool, block) => pool.offsetOf(block)],
    ["check ownership", (pool, block) => pool.owns(block)],
  ] satisfies [string, (pool: MemPool, block: ArrayBuffer) => unknown][]
) {
  test(
    `checked interference - the pool is destroyed while a worker wants to ${action} a block: destroyed, no double free`,
    withPool((pool) => {
      const { region: { header }, tracker } = insideOf(pool);
      const block = allocateHere(pool, 100);
      // destroy() empties what is known of the blocks when the state is set.
      const emptied = (): number => {
        header[STATE] = DESTROYED;
        return 0;
      };
      Object.defineProperty(tracker!.log, "sequence", { value: emptied, configurable: true });
      assertRefused(() => call(pool, block), "destroyed", `Cannot ${action}: the pool is destroyed`);
      Reflect.deleteProperty(tracker!.log, "sequence");
      header[STATE] = LIVE;
    }, CHECKED),
  );
}

test("checked interference - a lock that is not free in time: the block stays allocated, and can be freed later", () => {
  for (const name of ["free", "free of a view", "freeMany", "realloc that moves", "realloc that shrinks"]) {
    withPool((pool) => {
      const { lock } = insideOf(pool);
      const block = allocateHere(pool, 100);
      allocateHere(pool, 10);
      mark(block, 1);
      beforeLocking(lock, () => {
        throw new MemPoolError("lock-timeout", "on purpose");
      });
      assertCode(() => CALLS[name]![1](pool, block, block), "lock-timeout");
      assertMarked(block, 1);
      assertEquals(pool.leaks().map(({ offset }) => offset), [0, 128]);
      pool.free(block);
      assertCode(() => pool.free(block), "double-free");
    }, CHECKED)();
  }
});
