import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as mempool from "mempool";
import { spawnWorker, test } from "../support/harness.ts";
import { assertError, assertMarked, assertOneFreeRun, assertRefused, mark, present } from "../support/pool.ts";

test("default pool - offers the six operations as functions", () => {
  const pool = mempool.init(64 * mempool.KILOBYTE, 256);
  const block = present(mempool.alloc(200));
  mark(block, 1);
  const longer = present(mempool.realloc(block, 1000));
  assertMarked(longer, 1, 200);
  const zeros = present(mempool.calloc(10, 8));
  assertEquals(new Uint8Array(zeros), new Uint8Array(80));
  assertEquals(pool.stats().allocs, 2);
  mempool.free(longer);
  mempool.free(new Uint8Array(zeros));
  assertOneFreeRun(pool);
  mempool.destroy();
  assert(pool.destroyed);
});

test('default pool - throws "destroyed" from every function but destroy after destroy', () => {
  mempool.init(mempool.KILOBYTE, 64);
  mempool.destroy();
  mempool.destroy();
  const calls = [
    [() => mempool.alloc(1), "allocate"],
    [() => mempool.calloc(1, 1), "allocate"],
    [() => mempool.realloc(new ArrayBuffer(1), 1), "reallocate"],
    [() => mempool.free(new ArrayBuffer(1)), "free"],
  ] as const;
  for (const [call, action] of calls) assertRefused(call, "destroyed", `Cannot ${action}: the pool is destroyed`);
});

test("default pool - is replaced by init; the earlier pool stays usable through its object", () => {
  using first = mempool.init(mempool.KILOBYTE, 64);
  using second = mempool.init(mempool.KILOBYTE, 64);
  present(mempool.alloc(1));
  assertEquals([first.stats().allocatedBlocks, second.stats().allocs], [0, 1]);
  assertEquals(present(first.alloc(10)).byteLength, 10);
});

test("default pool - is not replaced by MemPool.init", () => {
  using standard = mempool.init(mempool.KILOBYTE, 64);
  using _own = mempool.MemPool.init(mempool.KILOBYTE, 64);
  const block = present(mempool.alloc(1));
  assert(standard.owns(block));
});

test("default pool - is replaced by attach", () => {
  using pool = mempool.MemPool.init(mempool.KILOBYTE, 64);
  const attached = mempool.attach(pool.handle);
  const block = present(mempool.alloc(1));
  assert(pool.owns(block));
  mempool.free(block);
  attached.close();
  assertRefused(() => mempool.alloc(1), "closed", "Cannot allocate: this pool object is closed");
});

test("default pool - is kept when init refuses its arguments", () => {
  using pool = mempool.init(mempool.KILOBYTE, 64);
  const message = "Cannot init pool: size must be a whole number from 1 up, got 0";
  assertError(() => mempool.init(0, 0), RangeError, message);
  assert(pool.owns(present(mempool.alloc(1))));
});

test('default pool - throws "unknown-pool" from every function but destroy in a thread that has none', async () => {
  const worker = spawnWorker(new URL("./_default_pool_worker.ts", import.meta.url));
  const why = "this thread has no default pool, call init or attach first";
  assertEquals(await worker.call("none"), [
    `unknown-pool: Cannot allocate: ${why}`,
    `unknown-pool: Cannot allocate: ${why}`,
    `unknown-pool: Cannot reallocate: ${why}`,
    `unknown-pool: Cannot free: ${why}`,
    `unknown-pool: Cannot free: ${why}`,
    "undefined",
  ]);
  worker.terminate();
});

test("default pool - belongs to one thread", async () => {
  using pool = mempool.init(mempool.KILOBYTE, 64);
  const worker = spawnWorker(new URL("./_default_pool_worker.ts", import.meta.url));
  assertEquals(await worker.call(pool.handle), { sameAsMine: 0, sameAsYours: 0 });
  assertEquals(pool.stats().workers, 1);
  worker.terminate();
});

test("units - are powers of 1024", () => {
  assertEquals([mempool.KILOBYTE, mempool.MEGABYTE, mempool.GIGABYTE], [1024, 1024 ** 2, 1024 ** 3]);
  assertStrictEquals(mempool.KILOBYTE ** 3, mempool.GIGABYTE);
});
