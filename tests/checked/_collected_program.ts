/**
 * The program of leaks_test.ts. It drops pool objects without closing them, forces garbage collection, and prints one
 * line of JSON: for each way to drop a pool object, the list of reports about these pools.
 */

import { MemPool, type MemPoolHandle } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import { collectGarbage } from "../support/garbage.ts";
import { spawnWorker, type TestWorker } from "../support/harness.ts";
import { untilEnded } from "../support/native.ts";

const BYTES = 4096;
/**
 * Pools for each case. An engine may keep one of them for long, because a word on the stack looks like a pointer to it.
 */
const POOLS = 4;
const ROUNDS = 400;
const LOCK_WORDS = 32;

type Drop = (handles: MemPoolHandle[]) => void | Promise<void>;

const kept: MemPool[] = [];
const workers: TestWorker[] = [];

function allocateAndDrop(pool: MemPool): void {
  pool.alloc(100);
  pool.allocOffset(10);
}

async function attachWorker(handle: MemPoolHandle): Promise<{ worker: TestWorker; thread: number }> {
  const worker = spawnWorker(new URL("./_collected_worker.ts", import.meta.url));
  workers.push(worker);
  return { worker, thread: await worker.call<number>(handle) };
}

function make(handles: MemPoolHandle[], checked = true): MemPool {
  const pool = MemPool.init(BYTES, 64, { checked });
  handles.push(pool.handle);
  return pool;
}

const DROPS: Readonly<Record<string, Drop>> = {
  "with blocks": (handles) => allocateAndDrop(make(handles)),
  "with none": (handles) => {
    const pool = make(handles);
    pool.free(pool.alloc(100)!);
  },
  "with two objects": (handles) => {
    const pool = make(handles);
    MemPool.attach(pool.handle).alloc(1);
    allocateAndDrop(pool);
  },
  "while another object is kept": (handles) => {
    const pool = make(handles);
    kept.push(MemPool.attach(pool.handle));
    allocateAndDrop(pool);
  },
  "unchecked": (handles) => allocateAndDrop(make(handles, false)),
  "after close": (handles) => {
    const pool = make(handles);
    allocateAndDrop(pool);
    pool.close();
  },
  "after destroy": (handles) => {
    const pool = make(handles);
    pool.free(pool.alloc(100)!);
    pool.destroy();
  },
  "with a broken lock": (handles) => {
    const pool = make(handles);
    allocateAndDrop(pool);
    Attachment.open(pool.handle).region.header.fill(-1, 0, LOCK_WORDS);
  },
  "while a worker has it": async (handles) => {
    const pool = make(handles);
    await attachWorker(pool.handle);
    allocateAndDrop(pool); // after the worker has it, so that the object cannot be collected before
  },
  "after a worker that had it was terminated": async (handles) => {
    const pool = make(handles);
    const { worker, thread } = await attachWorker(pool.handle);
    allocateAndDrop(pool);
    worker.terminate();
    await untilEnded(thread);
  },
};

/** The cases that must lead to reports. The program waits for all of them. */
const REPORTED = ["with blocks", "with two objects", "with a broken lock", "after a worker that had it was terminated"];

const reports: string[] = [];
console.warn = (line: string) => reports.push(line);

const handlesOf = new Map<string, MemPoolHandle[]>();
for (const [name, drop] of Object.entries(DROPS)) {
  const handles: MemPoolHandle[] = [];
  handlesOf.set(name, handles);
  const isCostly = name.includes("worker");
  for (let pool = 0; pool < (isCostly ? 1 : POOLS); pool++) await drop(handles);
}

const reportsOf = (handles: MemPoolHandle[]): string[] =>
  reports.filter((line) => handles.some(({ id }) => line.startsWith(`mempool: pool ${id} `)));
const isReported = (name: string): boolean => reportsOf(handlesOf.get(name)!).length >= handlesOf.get(name)!.length;

// After the last expected report, a few more rounds give unexpected reports the chance to appear.
for (let round = 0, more = 5; round < ROUNDS && more > 0; round++) {
  collectGarbage();
  await new Promise((resolve) => setTimeout(resolve, 1));
  if (REPORTED.every(isReported)) more--;
}

console.log(JSON.stringify(Object.fromEntries([...handlesOf].map(([name, handles]) => [name, reportsOf(handles)]))));
for (const worker of workers) worker.terminate();
for (const pool of kept) pool.destroy();
