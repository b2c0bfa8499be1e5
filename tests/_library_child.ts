/** A process that uses the library of its own copy of the project. Prints a line of JSON: the reports of its threads. */

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import process from "node:process";
import { MemPool, type MemPoolHandle } from "../mod.ts";
import { type Report, useLibrary } from "./_library_use.ts";
import { spawnWorker } from "./_workers.ts";

async function inWorker(handle: MemPoolHandle | null): Promise<Report> {
  const worker = spawnWorker(new URL("./_library_worker.ts", import.meta.url));
  try {
    return await worker.call<Report>(handle);
  } finally {
    worker.terminate();
  }
}

/** Puts something else in the library's place, as one step. */
function replaceBy(bytes: Uint8Array, path: string): void {
  writeFileSync(`${path}.other`, bytes);
  renameSync(`${path}.other`, path);
}

/** What may stand there instead of the right library. */
function damaged(right: Uint8Array): Uint8Array[] {
  const changed = new Uint8Array(right);
  changed[right.length >> 1]! ^= 1;
  const cuts = [0, 1, 64, 4096, right.length >> 1, right.length - 1].map((length) => right.subarray(0, length));
  return [...cuts, changed, new Uint8Array(right.length).fill(7), new Uint8Array(9 * right.length).fill(7)];
}

/** One after the other is there when this process comes, and the right one in the end. */
function come(path: string): Report[] {
  const right = readFileSync(path);
  return [...damaged(right), right].map((bytes) => {
    replaceBy(bytes, path);
    return useLibrary(null);
  });
}

/** One after the other takes its place while this process has it loaded. */
async function stay(path: string): Promise<Report[]> {
  using pool = MemPool.init(1024, 64);
  const right = readFileSync(path);
  const reports = [await inWorker(pool.handle)];
  for (const bytes of damaged(right)) {
    replaceBy(bytes, path);
    reports.push(await inWorker(pool.handle), useLibrary(pool.handle));
  }
  pool.check();
  return reports;
}

function act(what: string, path: string): Report[] | Promise<Report[]> {
  switch (what) {
    case "use":
      return [useLibrary(null)];
    case "use in two workers":
      return Promise.all([inWorker(null), inWorker(null)]);
    case "come":
      return come(path);
    case "stay":
      return stay(path);
    default:
      throw new Error(`No such act: ${what}`);
  }
}

const [what = "", path = ""] = process.argv.slice(2);
console.log(JSON.stringify(await act(what, path)));
