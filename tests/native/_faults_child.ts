/** A process in which system calls of the native library fail. Prints the outcomes as one line of JSON. */

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { GIGABYTE, MEGABYTE, MemPool, MemPoolError } from "../../mod.ts";
import { type Call, Faults } from "./_faults.ts";
import type { FaultsOrder } from "./_faults_worker.ts";
import { takeAll } from "../support/take_all.ts";
import { withWorkers } from "../support/workers.ts";

/** The result of a call, and what the call left behind. */
export interface Outcome {
  readonly what: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly left: readonly string[];
}

const ENOMEM = 12;
const ETIMEDOUT = 110;
const ENOTRECOVERABLE = 131;
const EBUSY = 16;

const [act = "", path = ""] = process.argv.slice(2);
const faults = new Faults(path);

/** The size of a pool that needs more addresses than a runtime maps for itself. */
const large = 1024 * GIGABYTE;

function makeLarge(): MemPool {
  return MemPool.init(large, MEGABYTE);
}

function mappedBytes(): number {
  return Number(/VmSize:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

function errorOf(call: () => unknown): Outcome["error"] {
  try {
    call();
    return undefined;
  } catch (error) {
    if (!(error instanceof MemPoolError)) throw error;
    return { code: error.code, message: error.message };
  }
}

/** Plans faults, makes the call, and looks for what it left behind. Then a pool must work again. */
function tryOut(what: string, plan: () => void, call: () => unknown): Outcome {
  const [mapped, files] = [mappedBytes(), openFiles()];
  plan();
  const error = errorOf(call);
  faults.clear();
  const left: string[] = [];
  if (mappedBytes() - mapped > large / 2) left.push("addresses");
  if (openFiles() !== files) left.push("files");
  usePool();
  return { what, ...(error === undefined ? {} : { error }), left };
}

/** Expects a new pool to work and all its blocks to be zero. */
function usePool(): void {
  using pool = MemPool.init(64 * 1024, 64);
  const all = pool.calloc(1, pool.size);
  if (all === null || new Uint8Array(all).some((byte) => byte !== 0)) throw new Error("the pool is not zero");
  new Uint8Array(all).fill(7);
  pool.free(all);
  pool.check();
}

/** Allocates all blocks that are left and returns their offsets. */
function offsetsLeft(pool: MemPool): number[] {
  return [...takeAll(() => pool.allocOffset(1))];
}

function creating(): Outcome[] {
  const cases: [Call, number][] = [
    ["mmap", 1],
    ["mprotect", 1],
    ["mprotect", 2],
    ["mprotect", 3],
    ["mprotect", 4],
    ["pthread_mutexattr_init", 1],
    ["pthread_mutex_init", 1],
  ];
  usePool(); // gives this thread its record, so that the calls below create nothing but the pool
  const outcomes = cases.map(([call, nth]) => {
    return tryOut(`${call} ${nth}`, () => faults.fail(call, ENOMEM, nth), makeLarge);
  });
  for (let round = 0; round < 12; round++) usePool(); // from here on, ranges are reused
  return [...outcomes, tryOut("mmap, a reused range", () => faults.fail("mmap", ENOMEM), usePool)];
}

function destroying(): Outcome[] {
  const cases: Call[][] = [["mmap"], ["mmap", "madvise"]];
  return cases.map((calls) => {
    using pool = MemPool.init(64 * 1024, 64);
    new Uint8Array(pool.alloc(pool.size)!).fill(7);
    const plan = (): void => calls.forEach((call) => faults.fail(call, ENOMEM, 1, 100));
    const outcome = tryOut(calls.join(), plan, () => pool.destroy());
    for (let round = 0; round < 12; round++) usePool();
    return outcome;
  });
}

/** The system first refuses to let the pool grow and to take memory back, and later does both. */
function growing(): Outcome[] {
  using pool = MemPool.init(64 * 1024, 32 * 1024, { maxSize: 8 * MEGABYTE, cachedBlocks: 0 });
  const outcomes = [
    tryOut("alloc returns null", () => faults.fail("mprotect", ENOMEM), () => {
      if (pool.alloc(MEGABYTE) !== null || pool.stats().grown !== 0) throw new Error("the pool has grown");
    }),
  ];
  const block = pool.alloc(MEGABYTE)!;
  new Uint8Array(block).fill(7);
  pool.free(block);
  outcomes.push(tryOut("trim returns 0", () => faults.fail("madvise", ENOMEM), () => {
    if (pool.trim() !== 0) throw new Error("memory was given back");
  }));
  pool.check();
  const isZero = new Uint8Array(pool.calloc(1, MEGABYTE)!).every((byte) => byte === 0);
  return [...outcomes, { what: `grown ${pool.stats().grown}, zero ${isZero}`, left: [] }];
}

function locking(): Outcome[] {
  using pool = MemPool.init(64 * 1024, 64, { cachedBlocks: 0, lockTimeout: 30_000 });
  const stopClock = (): void => {
    faults.fail("pthread_mutex_trylock", EBUSY, 1, 1000);
    faults.fail("pthread_mutex_timedlock", ETIMEDOUT);
    faults.fail("clock_gettime", ENOMEM, 1, 1e6);
  };
  const outcomes = [
    tryOut("broken", () => faults.fail("pthread_mutex_trylock", ENOTRECOVERABLE), () => pool.alloc(1)),
    tryOut("no clock", stopClock, () => pool.alloc(1)),
  ];
  pool.check();
  if (offsetsLeft(pool).length !== pool.blockCount) throw new Error("blocks are missing");
  return outcomes;
}

/**
 * Waits for a lock that another worker holds. In the first case, somebody sets the time of day back by 20 s meanwhile. In
 * the second one, the process is stopped for an hour. A stopped process must not count that time, and must still time out.
 */
function waiting(): Promise<Outcome[]> {
  return withWorker(async (order) => {
    using pool = MemPool.init(64 * 64, 64, { cachedBlocks: 0, lockTimeout: 200 });
    await order({ ask: "attach", handle: pool.handle });
    await order({ ask: "hold" });
    const start = performance.now();
    faults.shiftClock("realtime", 20_000);
    const outcomes = [tryWait(pool, "set back")];
    if (performance.now() - start > 15_000) throw new Error("the wait followed the time of day");
    faults.shiftClock("monotonic", 3_600_000, 3);
    outcomes.push(tryWait(pool, `stopped`));
    // Each wait reads the clock at its start and after each sleep, of which none is longer than 40 ms.
    outcomes.push({ what: `slept ${faults.calls("clock_gettime") >= 5}`, left: [] });
    faults.clear();
    await order({ ask: "leave" });
    pool.freeOffset(pool.allocOffset(1));
    return outcomes;
  });
}

function tryWait(pool: MemPool, what: string): Outcome {
  const error = errorOf(() => pool.allocOffset(1));
  return { what, ...(error === undefined ? {} : { error }), left: [] };
}

/** Makes calls fail that only the first use of the library in a process makes. */
function starting(): Outcome[] {
  const calls = process.argv.slice(4) as Call[];
  // The first mutex belongs to the record of the thread, the second one is the lock of the pool.
  const plan = (): void => calls.forEach((call) => faults.fail(call, ENOMEM, 1, call === "pthread_mutex_init" ? 1 : 3));
  return [tryOut(calls.join(), plan, usePool)];
}

function withWorker<T>(use: (order: <R>(order: FaultsOrder) => Promise<R>) => Promise<T>): Promise<T> {
  return withWorkers(new URL("./_faults_worker.ts", import.meta.url), 1, ([worker]) => use(worker!.call));
}

/**
 * A worker whose end nobody could notice must be refused: other workers would take its blocks for those of a dead
 * worker. Without a barrier, a worker must be refused too: the only worker of a biased pool could not be told that it
 * is no longer alone.
 */
function attaching(): Promise<Outcome[]> {
  const [call] = process.argv.slice(4) as [Call];
  return withWorker(async (order) => {
    using pool = MemPool.init(64 * 1024, 64);
    pool.freeOffset(pool.allocOffset(1));
    faults.fail(call, ENOMEM, 1, 100);
    const { code, message } = await order<number>({ ask: "attach", handle: pool.handle }).then(
      () => ({ code: "attached", message: "" }),
      (error: MemPoolError) => error,
    );
    faults.clear();
    const workers = pool.stats().workers;
    const blocks = await order<number>({ ask: "attach", handle: pool.handle });
    return [{ what: `${workers} worker, then ${blocks} blocks`, error: { code, message }, left: [] }];
  });
}

/** Without a barrier, no block may be taken from the cache of another worker, and no block may be lost. */
function recalling(): Promise<Outcome[]> {
  return withWorker(async (order) => {
    using pool = MemPool.init(64 * 64, 64, { cachedBlocks: 32 });
    await order({ ask: "attach", handle: pool.handle });
    const cached = await order<number>({ ask: "fill cache" });
    faults.fail("membarrier", ENOMEM, 1, 100);
    const [ours, theirs] = [offsetsLeft(pool), await order<number[]>({ ask: "take all" })];
    faults.clear();
    const different = new Set([...ours, ...theirs]).size;
    pool.check();
    for (const offset of theirs) pool.freeOffset(offset);
    const rest = offsetsLeft(pool).length;
    return [{
      what: `${cached > 0 && theirs.length === cached}, ${different} different, ${rest === cached}`,
      left: [],
    }];
  });
}

const acts: Record<string, () => Outcome[] | Promise<Outcome[]>> = {
  attaching,
  creating,
  destroying,
  growing,
  locking,
  recalling,
  starting,
  waiting,
};
console.log(JSON.stringify(await acts[act]!()));
