/**
 * Checked pools while the system still reads into a block. Bun does not detach the buffer of such a block. There, the
 * pool holds the block: it is free for the program, but the pool does not allocate it again before the read has ended.
 * Deno detaches the buffer, and the system writes into memory that may belong to another allocation by then; a checked
 * pool cannot detect that.
 *
 * A read from a FIFO is in flight until something is written to the FIFO.
 */

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { MemPool } from "mempool";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, read, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { onBun, scratch } from "../../scripts/_project.ts";
import {
  allocateHere,
  assertDoubleFree,
  assertMessage,
  assertZero,
  CHECKED,
  freeHere,
  freeManyHere,
  freeOffsetHere,
  Kept,
  reallocHere,
} from "./_checked.ts";
import { withCheckedWorkers } from "./_checked_workers.ts";
import { skip, test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  destroyQuietly,
  insideOf,
  makePool,
  mark,
  type PoolShape,
  present,
  warningsOf,
} from "../support/pool.ts";
import { takeAll } from "../support/take_all.ts";

/** A read that is in flight until `end` is called. */
class Reading {
  readonly #folder: string;
  readonly #file: number;
  readonly #done: Promise<number>;
  #hasEnded = false;

  /** Starts a read into the bytes of a buffer from the index `at` on. */
  constructor(buffer: ArrayBuffer, at = 0) {
    mkdirSync(scratch, { recursive: true });
    this.#folder = mkdtempSync(join(scratch, "fifo-"));
    const path = join(this.#folder, "fifo");
    execFileSync("mkfifo", [path]);
    this.#file = openSync(path, "r+"); // opens both ends, so that it does not wait for the other one
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    read(this.#file, new Uint8Array(buffer), at, buffer.byteLength - at, null, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
    this.#done = promise;
  }

  /** Ends the read with these bytes. Further calls do nothing. */
  async end(bytes = Uint8Array.of(1, 2, 3)): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    writeSync(this.#file, bytes);
    assertEquals(await this.#done, bytes.length);
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true });
  }
}

/** Expects that whatever `use` prints is the report on a block that was freed during a read. */
async function expectingHeld(use: () => Promise<void>): Promise<void> {
  const { warn } = console;
  const line = /^mempool: block at offset \d+ was freed while its buffer cannot be detached: .*\nallocated\n/;
  console.warn = (report: string) => assertMatch(report, line);
  try {
    await use();
  } finally {
    console.warn = warn;
  }
}

/** Runs `use` with a checked pool and a read into the first block of the pool, which has this number of bytes. */
async function whileReading(
  bytes: number,
  use: (pool: MemPool, block: ArrayBuffer, reading: Reading) => Promise<void>,
  shape: PoolShape = {},
): Promise<void> {
  using pool = makePool({ ...CHECKED, ...shape });
  const block = allocateHere(pool, bytes);
  mark(block, 1);
  const reading = new Reading(block, bytes - 3);
  try {
    await expectingHeld(() => use(pool, block, reading));
  } finally {
    await reading.end(); // otherwise the process would wait for it
  }
  if (pool.buffer.byteLength === 0) return; // destroyed or closed
  pool.check();
  destroyQuietly(pool);
}

const heldTest = onBun ? test : skip("only Bun refuses to detach buffers that are in use");
const detachedTest = onBun ? skip("Bun refuses to detach buffers that are in use") : test;

/** Allocates all single blocks that the pool still has, frees them, and returns their offsets in order. */
function availableOffsets(pool: MemPool): number[] {
  const offsets = [...takeAll(() => pool.allocOffset(64))];
  for (const offset of offsets) pool.freeOffset(offset);
  return offsets.sort((one, other) => one - other);
}

/** The offsets of the blocks from `first` to before `end`. */
const range = (first: number, end: number): number[] =>
  Array.from({ length: end - first }, (_, index) => 64 * (first + index));

/** The ways to free the block at offset 0, with the function that is the innermost frame of their stacks. */
const FREES: Readonly<Record<string, readonly [where: string, free: (pool: MemPool, block: ArrayBuffer) => void]>> = {
  "free": ["freeHere", (pool, block) => freeHere(pool, block)],
  "freeOffset": ["freeOffsetHere", (pool) => freeOffsetHere(pool, 0)],
  "freeMany": ["freeManyHere", (pool, block) => freeManyHere(pool, block, allocateHere(pool, 100))],
};

for (const [name, [where, free]] of Object.entries(FREES)) {
  for (const bytes of [50, 150]) {
    heldTest(
      `checked io - ${name} of ${bytes} bytes frees the block for the program, and for the pool after the read`,
      () =>
        whileReading(bytes, async (pool, block, reading) => {
          const kept = new Kept(block);
          const blocks = Math.ceil(bytes / 64);
          free(pool, block);
          kept.assertAttached(bytes);
          const assertHeld = (): void => {
            assertEquals([pool.leaks(), pool.owns(block)], [[], false]);
            for (const [again, act] of Object.values(FREES)) {
              if (again === "freeManyHere") continue;
              assertDoubleFree(() => act(pool, block), 0, "allocateHere", where, again);
            }
            assertEquals(availableOffsets(pool), range(blocks, 64));
            assertEquals(pool.alloc(64 * 64), null);
            pool.check();
            const { allocatedBlocks, allocs, frees } = pool.stats();
            assertEquals([allocatedBlocks, allocs - frees], [blocks, 0]);
          };
          assertHeld();
          assertHeld();
          await reading.end();
          // After the read, any call gives the block back to the pool, even one that only reads.
          assertEquals(pool.stats().allocatedBlocks, 0);
          kept.assertDetached();
          assertZero(pool, 0, pool.size);
          assertEquals(availableOffsets(pool), range(0, 64));
          assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", where, "freeHere");
          assertOneFreeRun(pool);
        }),
    );
  }
}

heldTest(
  "checked io - realloc that moves holds the old block, and the new block has its contents",
  () =>
    whileReading(150, async (pool, block, reading) => {
      const kept = new Kept(block);
      pool.allocOffset(1);
      const moved = reallocHere(pool, block, 500);
      assertMarked(moved, 1, 147);
      kept.assertAttached(150);
      assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "reallocHere", "freeHere");
      assertEquals(pool.leaks().map(({ offset }) => offset), [192, 256]);
      await reading.end();
      pool.check();
      kept.assertDetached();
      assertZero(pool, 0, 192);
      assertMarked(moved, 1, 147);
      pool.freeOffset(192);
      pool.free(moved);
      assertOneFreeRun(pool);
    }),
);

heldTest(
  "checked io - realloc to fewer bytes moves the block, or returns null and changes nothing if there is no room",
  () =>
    whileReading(500, async (pool, block, reading) => {
      const kept = new Kept(block);
      const rest = allocateHere(pool, 56 * 64);
      assertEquals(pool.realloc(block, 100), null);
      kept.assertAttached(500);
      assert(pool.owns(block));
      pool.free(rest);
      const shorter = reallocHere(pool, block, 100);
      assertEquals(pool.offsetOf(shorter), 512);
      assertMarked(shorter, 1);
      assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "reallocHere", "freeHere");
      assertEquals(pool.leaks().map(({ offset, byteLength }) => [offset, byteLength]), [[512, 100]]);
      await reading.end();
      pool.check();
      kept.assertDetached();
      assertZero(pool, 0, 512);
      pool.free(shorter);
      assertOneFreeRun(pool);
    }),
);

heldTest(
  "checked io - realloc in place makes the old buffer stale, and detaches it after the read has ended",
  () =>
    whileReading(50, async (pool, block, reading) => {
      const kept = new Kept(block);
      const longer = reallocHere(pool, block, 200);
      assertEquals(pool.offsetOf(longer), 0);
      assertFalse(pool.owns(block));
      kept.assertAttached(50);
      assertDoubleFree(() => freeHere(pool, block), 0, "allocateHere", "reallocHere", "freeHere");
      freeHere(pool, longer);
      assertEquals(availableOffsets(pool), range(4, 64));
      await reading.end();
      assertOneFreeRun(pool);
      kept.assertDetached();
    }),
);

heldTest(
  "checked io - realloc that could only slide down returns null and changes nothing before the read has ended",
  () =>
    whileReading(128, async (pool, before, first) => {
      const block = allocateHere(pool, 192);
      mark(block, 2);
      allocateHere(pool, 192);
      await first.end();
      freeHere(pool, before);
      const reading = new Reading(block, 189);
      try {
        assertEquals([pool.realloc(block, 320), pool.reallocOffset(128, 320)], [null, -1]);
        new Kept(block).assertAttached(192);
        assert(pool.owns(block));
      } finally {
        await reading.end();
      }
      const slid = present(pool.realloc(block, 320));
      assertEquals([pool.offsetOf(slid), block.detached], [0, true]);
      assertMarked(slid, 2, 189);
    }, { blocks: 8 }),
);

heldTest(
  "checked io - destroy leaves the buffer attached, and the next init after the read has ended detaches it",
  () =>
    whileReading(50, async (pool, block, reading) => {
      const [kept, other] = [new Kept(block), new Kept(allocateHere(pool, 50))];
      destroyQuietly(pool);
      assert(pool.destroyed);
      other.assertDetached();
      kept.assertAttached(50);
      makePool().destroy();
      kept.assertAttached(50);
      await reading.end();
      makePool().destroy();
      kept.assertDetached();
    }),
);

heldTest(
  "checked io - no other pool gets the addresses of a destroyed pool before the read has ended",
  () =>
    whileReading(50, async (pool, block, reading) => {
      destroyQuietly(pool);
      const others = Array.from({ length: 40 }, () => makePool());
      for (const other of others) other.destroy();
      await reading.end(Uint8Array.of(77));
      const again = Array.from({ length: 40 }, () => makePool());
      for (const other of again) {
        assertZero(other, 0, other.size);
        other.destroy();
      }
      assert(block.detached);
    }),
);

heldTest(
  "checked io - close during the read loses the held block, and the other blocks stay available",
  () =>
    whileReading(50, async (pool, block, reading) => {
      const { handle } = pool;
      freeHere(pool, block);
      pool.close();
      const again = MemPool.attach(handle);
      assertEquals(availableOffsets(again), range(1, 64));
      assertEquals(again.leaks(), []);
      again.check();
      await reading.end();
      assertEquals(availableOffsets(again), range(1, 64));
      again.destroy();
    }),
);

heldTest(
  "checked io - close after the read has ended gives the held block back to the pool",
  () =>
    whileReading(50, async (pool, block, reading) => {
      const { handle } = pool;
      freeHere(pool, block);
      await reading.end();
      pool.close();
      const again = MemPool.attach(handle);
      assertEquals(again.stats().allocatedBlocks, 0);
      assertOneFreeRun(again);
      again.destroy();
    }),
);

heldTest(
  "checked io - reap holds a dead worker's block that this worker reads into until the read has ended",
  () =>
    withCheckedWorkers(1, (pool, victim) =>
      expectingHeld(async () => {
        const block = allocateHere(pool, 150);
        const reading = new Reading(block);
        try {
          await victim!.order({ ask: "look", offset: 0 });
          await victim!.die();
          assertEquals([pool.reap(), pool.leaks(), pool.owns(block)], [0, [], false]);
          assertEquals(availableOffsets(pool), range(3, 64));
          assertEquals(pool.reap(), 0);
        } finally {
          await reading.end();
        }
        assertOneFreeRun(pool);
      })),
);

heldTest(
  "checked io - reap does not give back a block that realloc left held, even after its former owner died",
  () =>
    withCheckedWorkers(1, (pool, victim) =>
      expectingHeld(async () => {
        const block = allocateHere(pool, 50);
        allocateHere(pool, 50);
        const reading = new Reading(block);
        try {
          await victim!.order({ ask: "look", offset: 0 });
          const moved = reallocHere(pool, block, 100);
          await victim!.die();
          assertEquals([pool.reap(), pool.offsetOf(moved)], [0, 128]);
          assertEquals(availableOffsets(pool), range(4, 64));
        } finally {
          await reading.end();
        }
        assertEquals(availableOffsets(pool), [0, ...range(4, 64)]);
      })),
);

detachedTest(
  "checked io - on Deno and Node, the buffer is detached during the read, and the bytes land in the freed block",
  () =>
    whileReading(50, async (pool, block, reading) => {
      const kept = new Kept(block);
      freeHere(pool, block);
      kept.assertDetached();
      assertZero(pool, 0, 64);
      const next = new Uint8Array(present(pool.calloc(64, 1)));
      await reading.end(Uint8Array.of(7, 8, 9));
      assertEquals([...next.subarray(46, 51)], [0, 7, 8, 9, 0]);
      assertEquals(insideOf(pool).region.table.blockCount, 64);
    }),
);

heldTest("checked io - a block that is freed during the read is reported with the next call, once", async () => {
  const pool = makePool(CHECKED);
  const block = allocateHere(pool);
  const reading = new Reading(block);
  try {
    freeHere(pool, block);
    const reports = warningsOf(() => pool.stats()).map(([report]) => String(report));
    assertEquals(reports.length, 1);
    const line = "mempool: block at offset 0 was freed while its buffer cannot be detached: " +
      "native code uses it, or it is untransferable";
    assertMessage(reports[0]!, line, [["allocated", "allocateHere"], ["freed", "freeHere"]]);
    assertEquals(warningsOf(() => pool.stats()), []);
  } finally {
    await reading.end();
  }
  assertEquals(warningsOf(() => pool.destroy()), []);
});

detachedTest("checked io - on Deno and Node, bytes that land in a free block are reported", async () => {
  const pool = makePool(CHECKED);
  const block = allocateHere(pool);
  const reading = new Reading(block);
  freeHere(pool, block);
  await reading.end(Uint8Array.of(7, 8, 9));
  const reports = warningsOf(() => pool.destroy()).map(([report]) => String(report));
  assertEquals(reports.length, 1);
  const line = "mempool: block at offset 0 was written after it was freed";
  assertMessage(reports[0]!, line, [["allocated", "allocateHere"], ["freed", "freeHere"]]);
});
