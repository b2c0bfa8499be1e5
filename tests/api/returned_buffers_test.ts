/**
 * "Buffers return with what is attached" in the guide: an unchecked pool hands out the same ArrayBuffer object again, and
 * `cachedBuffers: 0` or a checked pool makes a new one.
 */

import { assert, assertEquals } from "@std/assert";
import { MemPool, type MemPoolOptions } from "mempool";
import { markAsUntransferable } from "node:worker_threads";
import { onBun } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";
import { assertRefused, present, thrownBy, warningsOf } from "../support/pool.ts";

/** Attaches something to a buffer. Returns whether it is on the buffer that is allocated after the buffer was freed. */
function returns(
  options: MemPoolOptions,
  attach: (buffer: ArrayBuffer) => void,
  isAttached: (buffer: ArrayBuffer) => boolean,
): boolean {
  using pool = MemPool.init(4096, 64, options);
  const buffer = present(pool.alloc(50));
  const offset = pool.offsetOf(buffer);
  assert(!isAttached(buffer));
  attach(buffer);
  assert(isAttached(buffer));
  pool.free(buffer);
  const next = present(pool.alloc(50));
  assertEquals(pool.offsetOf(next), offset);
  const attached = isAttached(next);
  pool.free(next);
  return attached;
}

const notes = new WeakMap<ArrayBuffer, string>();

const ATTACHED: Readonly<Record<string, readonly [(buffer: ArrayBuffer) => void, (buffer: ArrayBuffer) => boolean]>> = {
  "a property": [(buffer) => Object.assign(buffer, { note: 1 }), (buffer) => "note" in buffer],
  "an entry in a WeakMap": [(buffer) => notes.set(buffer, "note"), (buffer) => notes.has(buffer)],
  "another prototype": [(buffer) => Object.setPrototypeOf(buffer, {}), (buffer) => !(buffer instanceof ArrayBuffer)],
  "Object.freeze": [(buffer) => Object.freeze(buffer), (buffer) => Object.isFrozen(buffer)],
};

for (const [name, [attach, isAttached]] of Object.entries(ATTACHED)) {
  test(`returned buffers - ${name} is still there when the block is allocated again`, () =>
    assertEquals(returns({}, attach, isAttached), true));

  test(`returned buffers - ${name} is gone with cachedBuffers: 0, and in a checked pool`, () => {
    assertEquals(returns({ cachedBuffers: 0 }, attach, isAttached), false);
    assertEquals(returns({ checked: true }, attach, isAttached), false);
  });
}

test("returned buffers - after markAsUntransferable no later owner can transfer the buffer", () => {
  using pool = MemPool.init(4096, 64);
  const buffer = present(pool.alloc(50));
  markAsUntransferable(buffer);
  pool.free(buffer);
  const next = present(pool.alloc(50));
  assert(thrownBy(() => structuredClone(next, { transfer: [next] })) instanceof Error);
  assertEquals(next.byteLength, 50);
  pool.free(next);
});

test("returned buffers - with cachedBuffers: 0, markAsUntransferable does not reach the next owner", () => {
  using pool = MemPool.init(4096, 64, { cachedBuffers: 0 });
  const buffer = present(pool.alloc(50));
  markAsUntransferable(buffer);
  pool.free(buffer);
  const next = present(pool.alloc(50));
  const moved = structuredClone(next, { transfer: [next] });
  assertEquals(next.detached, true);
  pool.free(moved);
});

test("returned buffers - in a checked pool, a buffer that is marked as untransferable is freed like any other", () => {
  const pool = MemPool.init(4096, 64, { checked: true });
  const [buffer, other] = [present(pool.alloc(50)), present(pool.alloc(50))];
  markAsUntransferable(buffer);
  markAsUntransferable(pool.buffer);
  const printed = warningsOf(() => {
    pool.freeMany([buffer, other]);
    assertEquals([pool.leaks(), pool.owns(buffer), other.byteLength], [[], false, 0]);
    assertRefused(() => pool.free(buffer), "double-free", "Cannot free block at offset 0: it is already free");
    pool.check();
    pool.destroy();
  });
  assert(pool.destroyed);
  // V8 does not detach such a buffer, so the block is held and reported.
  assertEquals(printed.length, onBun ? 0 : 1);
});
