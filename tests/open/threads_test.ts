/** `MemPool.open` in several threads: at one moment, while the pool is destroyed, with other options, and with deaths. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { effort } from "../support/effort.ts";
import { spawnWorker, test, type TestWorker, withWorkers } from "../support/harness.ts";
import { untilEnded } from "../support/native.ts";
import { assertOneFreeRun, assertRefused, destroyQuietly, present, warningsOf } from "../support/pool.ts";
import { withSeed } from "../support/random.ts";
import { fillQuarantine, newName, open, tryOpen, usedEntries, withName } from "./_open.ts";
import type { Churned, LastStep, OpenOrder } from "./_open_worker.ts";

const FILE = new URL("./_open_worker.ts", import.meta.url);

interface Opener {
  readonly thread: number;
  order<Reply = unknown>(order: OpenOrder): Promise<Reply>;
  /** Terminates it and waits until its thread has ended. */
  die(): Promise<void>;
}

async function openerFrom(worker: TestWorker): Promise<Opener> {
  const order = <Reply>(order: OpenOrder): Promise<Reply> => worker.call<Reply>(order);
  const thread = await order<number>({ ask: "thread" });
  const die = (): Promise<void> => {
    worker.terminate();
    return untilEnded(thread);
  };
  return { thread, order, die };
}

async function withOpeners(count: number, use: (openers: Opener[]) => Promise<void>): Promise<void> {
  await withWorkers(FILE, count, async (workers) => use(await Promise.all(workers.map(openerFrom))));
}

const spawnOpener = (): Promise<Opener> => openerFrom(spawnWorker(FILE));

// ---- at one moment ----

const RACERS = 4;
const RACES = effort(40, 2000);

test("open - of several threads that open a name at one moment, one makes the pool and the others attach", () =>
  withOpeners(RACERS, async (openers) => {
    const names = Array.from({ length: RACES }, newName);
    const words = new Int32Array(new SharedArrayBuffer(4));
    const order: OpenOrder = { ask: "race", names, words, parties: RACERS };
    const answers = await Promise.all(openers.map(({ order: ask }) => ask<MemPoolHandle[]>(order)));
    for (const [round, name] of names.entries()) {
      using pool = open(name);
      for (const handles of answers) assertEquals(handles[round]!, pool.handle);
      const { workers, allocatedBlocks } = pool.stats();
      assertEquals([workers, allocatedBlocks], [RACERS + 1, RACERS]);
      pool.check();
      pool.destroy();
    }
  }));

test("open - threads that open, close, destroy and replace a pool at will never block its name", () =>
  withSeed(async (seed) => {
    const name = newName();
    const words = new Int32Array(new SharedArrayBuffer(4));
    for (const size of [4096, 8192]) fillQuarantine(size);
    const before = usedEntries();
    await withOpeners(RACERS, async (openers) => {
      const churning = Promise.all(
        openers.map(({ order }, place) => order<Churned>({ ask: "churn", name, words, seed: seed + place })),
      );
      churning.catch(() => {}); // it is awaited below, unless this thread fails before
      for (let round = 0; round < effort(200, 20_000); round++) {
        using pool = tryOpen(name);
        if (round % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
        if (round % 3 === 0) pool?.destroy();
      }
      Atomics.store(words, 0, 1);
      for (const { opened } of await churning) assert(opened > 0);
    });
    open(name).destroy();
    // More are live at a time than before, and rest then. A leak would show in each round.
    const after = usedEntries();
    assert(after < before + 40, `${before} became ${after}`);
  }));

// ---- sizes and options that differ ----

test(
  "open - refuses other sizes and options while another thread is attached, and changes nothing",
  withName(async (name, options) => {
    using pool = open(name, options);
    const block = present(pool.alloc(10));
    await withOpeners(1, async ([opener]) => {
      await opener!.order({ ask: "open", name, size: 4096, options });
      const refusal = (why: string): string =>
        `Cannot open pool ${JSON.stringify(name)}: ${why}, and another thread is attached to it`;
      const other = !options.checked;
      for (
        const [act, why] of [
          [() => MemPool.open(name, 8192, 64, options), "its size is 4096, not 8192"],
          [() => MemPool.open(name, 4096, 256, options), "its block size is 64, not 256"],
          [() => open(name, { ...options, maxSize: 65536 }), "its maxSize is 4096, not 65536"],
          [() => open(name, { checked: other }), `its checked is ${options.checked}, not ${other}`],
          [() => open(name, { ...options, onMisuse: "warn" }), 'its onMisuse is "throw", not "warn"'],
          [() => open(name, { ...options, alignment: 64 }), "its alignment is 16, not 64"],
          [() => open(name, { ...options, cachedBuffers: 9 }), "its cachedBuffers is 131072, not 9"],
          [() => open(name, { ...options, lockTimeout: 9 }), "its lockTimeout is 5000, not 9"],
        ] as const
      ) assertRefused(act, "format-mismatch", refusal(why));
      assertEquals([pool.owns(block), pool.stats().workers], [true, 2]);
      await opener!.order({ ask: "close" });
    });
    using replaced = MemPool.open(name, 8192, 64, options);
    assertEquals([replaced.size, pool.destroyed], [8192, true]);
    destroyQuietly(replaced);
  }),
);

test("open - the refusal holds as well for the thread that is not attached itself", async () => {
  const name = newName();
  await withOpeners(2, async ([one, other]) => {
    await one!.order({ ask: "open", name, size: 4096 });
    const message = await other!.order({ ask: "open", name, size: 8192 }).then(String, String);
    assertEquals(
      message,
      `MemPoolError: Cannot open pool ${
        JSON.stringify(name)
      }: its size is 4096, not 8192, and another thread is attached to it`,
    );
    await one!.order({ ask: "close" });
    await other!.order({ ask: "open", name, size: 8192 });
    MemPool.open(name, 8192, 64).destroy();
  });
});

test(
  "open - a worker that has died is no other thread that is attached",
  withName(async (name, options) => {
    const worker = await spawnOpener();
    await worker.order({ ask: "open", name, size: 8192, options });
    await worker.order({ ask: "take", sizes: [64, 640] });
    await worker.die();
    using pool = open(name, options);
    assertEquals([pool.size, pool.stats().allocatedBlocks], [4096, 0]);
  }),
);

// ---- threads that end ----

test(
  "open - the pool outlives the thread that made it, and reap takes back what that thread held",
  withName(async (name, options) => {
    const worker = await spawnOpener();
    const handle = await worker.order<MemPoolHandle>({ ask: "open", name, size: 4096, options });
    const [offset] = await worker.order<number[]>({ ask: "take", sizes: [100, 64] });
    await worker.die();
    using pool = open(name, options);
    assertEquals([pool.handle, pool.at(offset!).byteLength, pool.stats().allocatedBlocks], [handle, 100, 3]);
    const { cachedBlocks } = pool.stats(); // all of them the other thread's
    assertEquals(pool.reap(), 1 + cachedBlocks); // `at` has made two of its three blocks this thread's
    pool.freeOffset(offset!);
    assertOneFreeRun(pool);
  }),
);

for (const step of ["map", "join", "publish", "state"] as const satisfies LastStep[]) {
  test(`open - a thread that ends after the step "${step}" does not block the name`, async () => {
    for (const size of [4096, 8192]) {
      const name = newName();
      const worker = await spawnOpener();
      await worker.order({ ask: "stop after", step, name });
      const meanwhile = MemPool.open(name, 4096, 64);
      meanwhile.close();
      await worker.die();
      const pool = MemPool.open(name, size, 64);
      pool.free(present(pool.alloc(size / 2)));
      pool.check();
      pool.destroy();
      assertNotEquals(open(name).handle, pool.handle);
      open(name).destroy();
    }
  });
}

test("open - a region that was never published ends with its thread", async () => {
  const stopAtJoin = async (): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      const worker = await spawnOpener();
      await worker.order({ ask: "stop after", step: "join", name: newName() });
      await worker.die();
    }
  };
  fillQuarantine(4096);
  const before = usedEntries(); // makes a region, which also ends those of threads that have ended
  await stopAtJoin();
  const after = usedEntries();
  assert(after < before + 10, `${before} became ${after}`);
});

const DEATHS = effort(12, 300);

test("open - threads that are terminated while they open and destroy leave a name that works", () =>
  withSeed(async (seed) => {
    const name = newName();
    const native = openNative();
    for (let round = 0; round < DEATHS; round++) {
      const victims = await Promise.all([spawnOpener(), spawnOpener()]);
      const words = new Int32Array(new SharedArrayBuffer(4));
      const churning = victims.map(({ order }, place) =>
        order<Churned>({ ask: "churn", name, words, seed: seed + 2 * round + place }).catch(() => {})
      );
      for (let look = 0; look < 20; look++) {
        tryOpen(name)?.close();
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      for (const victim of victims) void victim.die();
      Atomics.store(words, 0, 1); // Deno ends a thread only where it pauses
      await Promise.all(churning);
      await Promise.all(victims.map(({ thread }) => untilEnded(thread)));
      assert(victims.every(({ thread }) => !native.alive(thread)));
      const pool = open(name);
      warningsOf(() => pool.reap());
      pool.free(present(pool.alloc(64)));
      pool.check();
      if (round % 2 === 0) pool.destroy();
      else pool.close();
    }
    open(name).destroy();
  }));
