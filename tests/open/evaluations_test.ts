/**
 * One thread that loads the library more than once: two copies of it, which share nothing, and one copy that is evaluated
 * again, as `bun --hot` does it, which takes the place of the earlier evaluation.
 */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { MemPool, type MemPoolOptions } from "mempool";
import { isDetached } from "../../src/base/intrinsics.ts";
import { effort } from "../support/effort.ts";
import { spawnWorker, test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  destroyQuietly,
  mark,
  present,
  thrownBy,
  warningsOf,
} from "../support/pool.ts";
import { type Library, ProjectCopy } from "../support/project_copy.ts";
import { destroyNamed, fillQuarantine, newName, open, usedEntries } from "./_open.ts";
import type { OpenOrder, Restarted } from "./_open_worker.ts";

/** Tests with a copy of the library, for an unchecked and a checked pool of a new name. */
function withCopy(
  use: (copy: ProjectCopy, name: string, options: MemPoolOptions) => Promise<void>,
): () => Promise<void> {
  return async () => {
    using copy = new ProjectCopy();
    for (const checked of [false, true]) {
      const name = newName();
      await use(copy, name, { checked });
      destroyNamed(name, { checked });
    }
  };
}

const openWith = (library: Library, name: string, options: MemPoolOptions): MemPool =>
  library.MemPool.open(name, 4096, 64, options);

function codeOf(act: () => unknown): unknown {
  return (thrownBy(act) as { code: unknown }).code;
}

// ---- two copies ----

test(
  "copies - each has a place of its own in the pool of a name, and they share its blocks",
  withCopy(async (copy, name, options) => {
    const library = await copy.evaluate();
    using mine = open(name, options);
    using other = openWith(library, name, options);
    assertNotEquals<unknown>(library.MemPool, MemPool);
    assertEquals([other.handle, mine.stats().workers], [mine.handle, 2]);
    const block = present(other.alloc(100));
    mark(block, 1);
    assertMarked(mine.at(other.offsetOf(block)), 1);
    mine.freeOffset(other.offsetOf(block));
    other.close();
    assertEquals([mine.stats().workers, codeOf(() => other.alloc(1))], [1, "closed"]);
    assertOneFreeRun(mine);
  }),
);

test(
  "copies - a free by one serves the request that waits in the other, in the same thread",
  withCopy(async (copy, name, options) => {
    const library = await copy.evaluate();
    using mine = open(name, options);
    using other = openWith(library, name, options);
    for (const [one, two] of [[mine, other], [other, mine]] as const) {
      const whole = present(one.alloc(4096));
      const waiting = two.allocAsync(100);
      one.free(whole);
      two.free(await waiting);
    }
    assertOneFreeRun(mine);
  }),
);

test(
  "copies - one sees that the other has destroyed the pool, and a pool that one replaces is destroyed in the other",
  withCopy(async (copy, name, options) => {
    const library = await copy.evaluate();
    for (
      const end of [
        (pool: MemPool) => warningsOf(() => pool.destroy()),
        () => library.MemPool.open(name, 8192, 64, options),
      ]
    ) {
      const mine = open(name, options);
      const waiting = fullAndWaiting(mine);
      const other = openWith(library, name, options);
      end(other);
      await assertRejects(() => waiting, Error, "the pool is destroyed");
      assertEquals([mine.destroyed, codeOf(() => mine.alloc(1))], [true, "destroyed"]);
    }
  }),
);

function fullAndWaiting(pool: MemPool): Promise<ArrayBuffer> {
  present(pool.alloc(4096));
  return pool.allocAsync(10);
}

// ---- one copy, evaluated again ----

test(
  "evaluations - the later one closes the objects of the earlier one and takes back what it held",
  withCopy(async (copy, name, options) => {
    const before = await copy.evaluate();
    const first = openWith(before, name, options);
    const second = openWith(before, name, options);
    const attached = before.MemPool.attach(first.handle);
    const block = present(first.alloc(100));
    for (const pool of [second, attached]) present(pool.alloc(64));
    first.free(present(first.alloc(64))); // stays in the cache of an unchecked pool
    const after = await copy.evaluate();
    using pool = openWith(after, name, options);
    assertEquals(pool.handle, first.handle);
    assertEquals([pool.stats().workers, pool.stats().allocatedBlocks], [1, 0]);
    for (const old of [first, second, attached]) {
      assertEquals([codeOf(() => old.alloc(1)), codeOf(() => old.free(block)), old.destroyed], [
        "closed",
        "closed",
        false,
      ]);
      old.close();
      old.destroy();
    }
    assertEquals(isDetached(block), options.checked);
    pool.free(present(pool.alloc(4096)));
    assertOneFreeRun(pool);
  }),
);

test(
  'evaluations - a request of the earlier one that waits rejects with "closed"',
  withCopy(async (copy, name, options) => {
    const first = openWith(await copy.evaluate(), name, options);
    const waiting = fullAndWaiting(first);
    using pool = openWith(await copy.evaluate(), name, options);
    await assertRejects(() => waiting, Error, "Cannot allocate: this pool object is closed");
    const [whole, again] = [present(pool.alloc(4096)), pool.allocAsync(10)];
    pool.free(whole);
    pool.free(await again);
    assertOneFreeRun(pool);
  }),
);

test(
  "evaluations - what others have taken over stays allocated, and so does what an explicit close has left",
  withCopy(async (copy, name, options) => {
    using mine = open(name, options);
    const first = openWith(await copy.evaluate(), name, options);
    const [kept, taken, lost] = [first.allocOffset(64), first.allocOffset(64), first.allocOffset(64)];
    const worker = spawnWorker(new URL("./_open_worker.ts", import.meta.url));
    try {
      await worker.call<unknown>({ ask: "open", name, size: 4096, options } satisfies OpenOrder);
      const [theirs] = await worker.call<number[]>({ ask: "take", sizes: [64] } satisfies OpenOrder);
      mine.at(taken);
      const again = openWith(await copy.evaluate(), name, options);
      assertEquals(mine.stats().allocatedBlocks, 2);
      assertEquals([kept, lost].map((offset) => codeOf(() => mine.freeOffset(offset))), ["double-free", "double-free"]);
      const left = again.allocOffset(64);
      again.close();
      using last = openWith(await copy.evaluate(), name, options);
      assertEquals(last.stats().allocatedBlocks, 3);
      for (const offset of [taken, theirs!, left]) last.freeOffset(offset);
      assertOneFreeRun(last);
    } finally {
      worker.terminate();
    }
  }),
);

test(
  "evaluations - the later one touches no other pool",
  withCopy(async (copy, name, options) => {
    const before = await copy.evaluate();
    const others = [openWith(before, newName(), options), before.MemPool.init(4096, 64, options)];
    const blocks = others.map((other) => present(other.alloc(10)));
    const first = openWith(before, name, options);
    using pool = openWith(await copy.evaluate(), name, options);
    assertEquals([codeOf(() => first.alloc(1)), pool.handle], ["closed", first.handle]);
    for (const [place, other] of others.entries()) {
      other.free(blocks[place]!);
      assertOneFreeRun(other);
      other.destroy();
    }
  }),
);

test(
  "evaluations - code of the earlier one that still runs gets a place beside the later one",
  withCopy(async (copy, name, options) => {
    const before = await copy.evaluate();
    openWith(before, name, options);
    const after = await copy.evaluate();
    using later = openWith(after, name, options);
    {
      using earlier = openWith(before, name, options);
      assertEquals(later.stats().workers, 2);
      later.free(earlier.at(later.allocOffset(64)));
    }
    assertEquals(later.stats().workers, 1);
    openWith(before, name, options);
    const last = openWith(await copy.evaluate(), name, options);
    assertEquals([last.stats().workers, codeOf(() => later.alloc(1))], [1, "closed"]);
    last.close();
  }),
);

test(
  "evaluations - with other sizes, the later one replaces the pool, unless another thread is attached",
  withCopy(async (copy, name, options) => {
    const first = openWith(await copy.evaluate(), name, options);
    const block = present(first.alloc(10));
    const worker = spawnWorker(new URL("./_open_worker.ts", import.meta.url));
    try {
      await worker.call<unknown>({ ask: "open", name, size: 4096, options } satisfies OpenOrder);
      const after = await copy.evaluate();
      assertEquals(codeOf(() => after.MemPool.open(name, 8192, 64, options)), "format-mismatch");
      assertEquals(first.owns(block), true);
      await worker.call<unknown>({ ask: "close" } satisfies OpenOrder);
      const replaced = after.MemPool.open(name, 8192, 64, options);
      assertEquals([replaced.size, first.destroyed, codeOf(() => first.alloc(1))], [8192, true, "destroyed"]);
      destroyQuietly(replaced);
    } finally {
      worker.terminate();
    }
  }),
);

test(
  "isolates - one that a watcher starts in the same thread finds nothing of the earlier one; in a checked pool only zeros",
  withCopy(async (copy, name, options) => {
    const worker = spawnWorker(new URL("./_open_worker.ts", import.meta.url));
    try {
      await worker.call<unknown>({ ask: "open", name, size: 4096, options } satisfies OpenOrder);
      await worker.call<unknown>({ ask: "take", sizes: [200, 64] } satisfies OpenOrder);
      const { folder } = copy;
      const order = { ask: "restart", folder, name, options } satisfies OpenOrder;
      const { isZero, printed } = await worker.call<Restarted>(order);
      assertEquals({ isZero, printed }, { isZero: options.checked, printed: [] });
    } finally {
      worker.terminate();
    }
  }),
);

const ROUNDS = effort(8, 60);

test(
  "evaluations - many of them leave one place, no allocated block, and no more regions, also with other sizes each time",
  withCopy(async (copy, name, options) => {
    for (const size of [4096, 8192]) fillQuarantine(size, options);
    const before = usedEntries();
    for (let round = 0; round < ROUNDS; round++) {
      const { MemPool } = await copy.evaluate();
      const pool = MemPool.open(name, 4096 + 4096 * (round % 2), 64, options);
      assertEquals([pool.stats().workers, pool.stats().allocatedBlocks], [1, 0]);
      present(pool.alloc(1000));
    }
    const after = usedEntries();
    assert(after < before + 4, `${before} became ${after}`);
    destroyQuietly(MemPool.open(name, 8192, 64, options));
  }),
);
