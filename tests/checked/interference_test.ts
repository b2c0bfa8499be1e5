/**
 * Checked pools: while one worker is in the middle of an operation, another worker frees the block, and the block is
 * allocated again. The moment is the same in every run, because code that plays the other worker is called from within
 * the operation.
 */

import { assert, assertEquals } from "@std/assert";
import { type MemPool, MemPoolError } from "mempool";
import { DESTROYED, LIVE, NONE, REQUESTED_LOW, STATE } from "../../src/region/layout.ts";
import { allocateHere, assertCode, assertMisuse, CHECKED } from "./_checked.ts";
import { test } from "../support/harness.ts";
import { beforeLocking, once } from "../support/once.ts";
import { assertMarked, assertRefused, insideOf, mark, withPool } from "../support/pool.ts";

const THERE = "(in the other worker)";

/** Frees a block and allocates the same block again, as another worker would. */
function freeAndTakeThere(pool: MemPool, block: number, bytes: number): void {
  const { allocator, tracker } = insideOf(pool);
  freeThere(pool, block);
  assertEquals(allocator.allocate(bytes), block);
  allocator.journal.allocated = NONE;
  tracker!.log.allocated(block, `    ${THERE}`);
}

function freeThere(pool: MemPool, block: number): void {
  const { allocator, tracker } = insideOf(pool);
  const { log } = tracker!;
  log.freed(block, log.sequence(block), log.allocatedAt(block), `    ${THERE}`);
  allocator.freeUncounted(block);
}

/** Calls that name a block of 100 bytes at offset 0, with the action in their message. `good` is another block. */
const CALLS: Readonly<
  Record<string, readonly [action: string, call: (pool: MemPool, block: ArrayBuffer, good: ArrayBuffer) => unknown]>
> = {
  "free": ["free", (pool, block) => pool.free(block)],
  "free of a view": ["free", (pool, block) => pool.free(new Uint8Array(block))],
  "freeMany": ["free", (pool, block) => pool.freeMany([block])],
  "freeMany of a good block and this one": ["free", (pool, block, good) => pool.freeMany([good, block])],
  "realloc to the same length": ["reallocate", (pool, block) => pool.realloc(block, 100)],
  "realloc within the blocks": ["reallocate", (pool, block) => pool.realloc(block, 110)],
  "realloc that shrinks": ["reallocate", (pool, block) => pool.realloc(block, 10)],
  "realloc that moves": ["reallocate", (pool, block) => pool.realloc(block, 200)],
};

for (const [name, [action, call]] of Object.entries(CALLS)) {
  test(
    `checked interference - ${name} is refused if the block is freed and allocated again before the lock is taken`,
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
  "checked interference - realloc that moves allocates nothing if the block is freed while its contents are copied",
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
  "checked interference - a descriptor that another worker is changing is not reported as corrupt",
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
      table.set(0, REQUESTED_LOW, 10); // the bytes of one block in a run of two
      beforeLocking(lock, () => table.set(0, REQUESTED_LOW, 100));
      use(block);
    }
    assertEquals(pool.stats().allocatedBlocks, 0);
  }, CHECKED),
);

for (
  const [name, action, call] of [
    ["free", "free", (pool, block) => pool.free(block)],
    ["freeMany", "free", (pool, block) => pool.freeMany([block])],
    ["realloc", "reallocate", (pool, block) => pool.realloc(block, 10)],
    ["offsetOf", "locate", (pool, block) => pool.offsetOf(block)],
    ["owns", "check ownership", (pool, block) => pool.owns(block)],
  ] satisfies [string, string, (pool: MemPool, block: ArrayBuffer) => unknown][]
) {
  test(
    `checked interference - ${name} throws "destroyed", not "double-free", if the pool is destroyed meanwhile`,
    withPool((pool) => {
      const { region: { header }, tracker } = insideOf(pool);
      const block = allocateHere(pool, 100);
      // The call reads the allocation log as destroy() leaves it: cleared, after the state was set.
      const readCleared = (): number => {
        header[STATE] = DESTROYED;
        return 0;
      };
      Object.defineProperty(tracker!.log, "sequence", { value: readCleared, configurable: true });
      assertRefused(() => call(pool, block), "destroyed", `Cannot ${action}: the pool is destroyed`);
      Reflect.deleteProperty(tracker!.log, "sequence");
      header[STATE] = LIVE;
    }, CHECKED),
  );
}

test("checked interference - a call that times out leaves the block allocated, and it can be freed later", () => {
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
