/** The signal of `allocAsync`: any object that does what an AbortSignal does, whatever the global class is by then. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { MemPool } from "mempool";
import { test } from "../support/harness.ts";
import { insideOf, present, withPoolAsync } from "../support/pool.ts";

const BLOCK = 64;
const SHAPE = { blocks: 4 };

/** The signal of a DOM emulator: no instance of the engine's classes, and with its own list of listeners. */
class EmulatedSignal {
  aborted = false;
  reason: unknown = undefined;
  readonly listeners = new Set<() => void>();

  addEventListener(_type: string, listener: () => void): void {
    this.listeners.add(listener);
  }

  removeEventListener(_type: string, listener: () => void): void {
    this.listeners.delete(listener);
  }

  abort(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    for (const listener of [...this.listeners]) listener();
  }
}

class EmulatedController {
  readonly signal: EmulatedSignal = new EmulatedSignal();

  abort(reason: unknown): void {
    this.signal.abort(reason);
  }
}

/** Calls `use` while the globals are those of a DOM emulator. */
async function whileEmulated(use: () => Promise<void>): Promise<void> {
  const { AbortSignal, AbortController, EventTarget } = globalThis;
  const emulated = { AbortSignal: EmulatedSignal, AbortController: EmulatedController, EventTarget: class {} };
  Object.assign(globalThis, emulated);
  try {
    await use();
  } finally {
    Object.assign(globalThis, { AbortSignal, AbortController, EventTarget });
  }
}

function fill(pool: MemPool): ArrayBuffer[] {
  return present(pool.allocMany(pool.blockCount, BLOCK));
}

function waitFor(pool: MemPool, signal: unknown): Promise<ArrayBuffer> {
  return pool.allocAsync(BLOCK, { signal: signal as AbortSignal });
}

/** Expects nothing to wait, and no block to be lost: the next request gets the next block that is freed. */
async function assertNothingLeft(pool: MemPool, blocks: ArrayBuffer[]): Promise<void> {
  assertEquals(insideOf(pool).region.queue.isEmpty, true);
  const next = pool.allocAsync(BLOCK);
  pool.free(blocks.pop()!);
  blocks.push(await next);
  assertEquals(pool.stats().allocatedBlocks, pool.blockCount);
}

test(
  "allocAsync - accepts the engine's own signal while a DOM emulator has replaced the globals",
  withPoolAsync(async (pool) => {
    const reason = new Error("enough");
    const [controller, aborted] = [new AbortController(), AbortSignal.abort(reason)];
    const blocks = fill(pool);
    await whileEmulated(async () => {
      assertStrictEquals(await waitFor(pool, aborted).catch((error: unknown) => error), reason);
      const waiting = waitFor(pool, controller.signal);
      controller.abort(reason);
      assertStrictEquals(await waiting.catch((error: unknown) => error), reason);
    });
    await assertNothingLeft(pool, blocks);
  }, SHAPE),
);

for (const replaced of [true, false]) {
  test(
    `allocAsync - accepts the signal of a DOM emulator, ${replaced ? "with" : "without"} its globals in place`,
    withPoolAsync(async (pool) => {
      const blocks = fill(pool);
      const reason = new Error("enough");
      const use = async (): Promise<void> => {
        const { signal } = new EmulatedController();
        const [first, second] = [waitFor(pool, signal), waitFor(pool, signal)];
        pool.free(blocks.pop()!);
        blocks.push(await first);
        signal.abort(reason);
        assertStrictEquals(await second.catch((error: unknown) => error), reason);
        assertStrictEquals(await waitFor(pool, signal).catch((error: unknown) => error), reason);
      };
      await (replaced ? whileEmulated(use) : use());
      await assertNothingLeft(pool, blocks);
    }, SHAPE),
  );
}

test(
  "allocAsync - removes its listener from a signal that lives on, however the request ends",
  withPoolAsync(async (pool) => {
    const signal = new EmulatedSignal();
    const blocks = [await waitFor(pool, signal)];
    assertEquals(signal.listeners.size, 0, "a block was free");
    await assertRejects(() => pool.allocAsync(1e9, { signal: signal as unknown as AbortSignal }), RangeError);
    assertEquals(signal.listeners.size, 0, "the request was refused");
    blocks.push(...present(pool.allocMany(pool.blockCount - 1, BLOCK)));
    const waiting = waitFor(pool, signal);
    assertEquals(signal.listeners.size, 1);
    pool.free(blocks.pop()!);
    await waiting;
    assertEquals(signal.listeners.size, 0, "the request was served");
  }, SHAPE),
);

test(
  "allocAsync - rejects with what a signal throws when it is read, and leaves nothing in the queue",
  withPoolAsync(async (pool) => {
    const blocks = fill(pool);
    const thrown = new Error("hostile");
    const fail = (): never => {
      throw thrown;
    };
    const hostile: object[] = [
      Object.defineProperty(new EmulatedSignal(), "aborted", { get: fail }),
      Object.defineProperty(new EmulatedSignal(), "addEventListener", { get: fail }),
      Object.defineProperty(new EmulatedSignal(), "removeEventListener", { get: fail }),
      Object.assign(new EmulatedSignal(), { addEventListener: fail }),
      Object.defineProperty(Object.assign(new EmulatedSignal(), { aborted: true }), "reason", { get: fail }),
      Object.defineProperty(new AbortController().signal, "aborted", { get: fail }),
      Object.assign(new AbortController().signal, { addEventListener: fail }),
    ];
    for (const signal of hostile) {
      assertStrictEquals(await waitFor(pool, signal).catch((error: unknown) => error), thrown);
    }
    await assertNothingLeft(pool, blocks);
  }, SHAPE),
);

test(
  "allocAsync - a signal that throws later neither loses a block nor leaves a request waiting",
  withPoolAsync(async (pool) => {
    const blocks = fill(pool);
    const thrown = new Error("hostile");
    const fail = (): never => {
      throw thrown;
    };
    const clinging = Object.assign(new EmulatedSignal(), { removeEventListener: fail });
    const first = waitFor(pool, clinging);
    pool.free(blocks.pop()!);
    blocks.push(await first);
    clinging.abort("too late");

    const secretive = new EmulatedSignal();
    const second = waitFor(pool, secretive);
    const { abort } = secretive;
    Object.defineProperty(secretive, "reason", { get: fail, set: () => {} });
    abort.call(secretive, undefined);
    assertStrictEquals(await second.catch((error: unknown) => error), thrown);
    await assertNothingLeft(pool, blocks);
  }, SHAPE),
);

test(
  "allocAsync - refuses what is no signal, at once",
  withPoolAsync(async (pool) => {
    const blocks = fill(pool);
    const methods = { addEventListener() {}, removeEventListener() {} };
    const wrong: unknown[] = [
      null,
      1,
      "signal",
      () => {},
      {},
      new EventTarget(),
      { aborted: false },
      { aborted: "no", ...methods },
      { aborted: false, addEventListener() {} },
      { aborted: false, ...methods, removeEventListener: 1 },
    ];
    for (const signal of wrong) await assertRejects(() => waitFor(pool, signal), TypeError);
    const error: unknown = await waitFor(pool, { aborted: false }).catch((error: unknown) => error);
    assert(error instanceof TypeError);
    assertEquals(error.message, "Cannot allocate: signal must be an AbortSignal, got an object (Object)");
    await assertNothingLeft(pool, blocks);
  }, SHAPE),
);
