/** A process that loads the native library, or a file in its place. Prints the outcome as one line of JSON. */

import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import process from "node:process";
import { MemPool } from "../../mod.ts";
import { load, type Report, reportOf, type Way } from "./_library_load.ts";
import type { LibraryOrder } from "./_library_worker.ts";
import { spawnWorker, type TestWorker, withWorkers } from "../support/workers.ts";

/** Uses a pool as a program does. */
function pool(): Report[] {
  return [reportOf(() => {
    using pool = MemPool.init(1024, 64);
    const block = pool.calloc(1, 512);
    if (block?.byteLength !== 512) throw new Error("no block");
    pool.free(block);
    pool.check();
    return pool.handle;
  })];
}

/** Loads each of the libraries that a file lists, one after the other. */
function libraries(way: Way, file: string): { reports: Report[]; filesLeft: number } {
  const files = readdirSync("/proc/self/fd").length;
  const tables = JSON.parse(readFileSync(file, "utf8")) as Parameters<typeof load>[1][];
  const reports = tables.map((table) => reportOf(() => load(way, table)));
  return { reports, filesLeft: readdirSync("/proc/self/fd").length - files };
}

/**
 * Eight workers load the library at the same moment. From memory, each of them first sees that the library is not
 * loaded yet. Then each worker creates a region, and each worker opens all of the regions.
 */
function loadTogether(way: Way): Promise<{ reports: Report[]; shared: boolean[] }> {
  return withWorkers(new URL("./_library_worker.ts", import.meta.url), 8, async (workers) => {
    const all = <Reply>(order: LibraryOrder) => Promise.all(workers.map((worker) => worker.call<Reply>(order)));
    const words = new Int32Array(new SharedArrayBuffer(8));
    const reports = await all<Report>({ ask: "load", way, words, parties: workers.length });
    const ids = await all<number>({ ask: "create" });
    return { reports, shared: await all<boolean>({ ask: "open", ids }) };
  });
}

/** Replaces the file in one step. */
function replaceBy(bytes: Uint8Array, path: string): void {
  writeFileSync(`${path}.other`, bytes);
  renameSync(`${path}.other`, path);
}

/** Contents that may be found in place of the library. */
function damaged(right: Uint8Array): Uint8Array[] {
  const changed = new Uint8Array(right);
  changed[right.length >> 1]! ^= 1;
  const cuts = [0, 1, 64, 4096, right.length >> 1, right.length - 1].map((length) => right.subarray(0, length));
  return [...cuts, changed, new Uint8Array(right.length).fill(7), new Uint8Array(9 * right.length).fill(7)];
}

/** Loads the file after each replacement: first by each of those contents, at last by the right library. */
function loadReplaced(path: string): Report[] {
  const right = readFileSync(path);
  return [...damaged(right), right].map((bytes) => {
    replaceBy(bytes, path);
    return reportOf(() => load("file"));
  });
}

/** Makes the same replacements while this process has the library loaded. A new worker loads each file. */
async function replaceLoaded(path: string): Promise<{ reports: Report[]; works: boolean[] }> {
  const native = load("file");
  const right = readFileSync(path);
  const reports: Report[] = [reportOf(() => native)];
  const works: boolean[] = [];
  for (const bytes of [...damaged(right), right]) {
    replaceBy(bytes, path);
    const worker = spawnWorker(new URL("./_library_worker.ts", import.meta.url));
    reports.push(await loadIn(worker));
    works.push(native.open(native.create(65_536, 65_536, 65_536)) >= 0 && native.alive(native.thread()));
    worker.terminate();
  }
  return { reports, works };
}

function loadIn(worker: TestWorker): Promise<Report> {
  const order: LibraryOrder = { ask: "load", way: "file", words: new Int32Array(2), parties: 1 };
  return worker.call<Report>(order);
}

/**
 * Loads the library while the process can open no file, and then once more. Returns what the first attempt left in the
 * folder for temporary files.
 */
async function withoutFiles(): Promise<{ reports: Report[]; left: string[] }> {
  execFileSync("prlimit", [`--pid=${process.pid}`, "--nofile=200:200"]);
  const files = await allFiles();
  const [report] = pool();
  for (const file of files) closeSync(file);
  const left = readdirSync(process.env["TMPDIR"]!);
  return { reports: [report!, ...pool()], left };
}

/** Opens as many files as the process can, until the runtime itself closes none any more. */
async function allFiles(): Promise<number[]> {
  const files: number[] = [];
  for (let before = -1; files.length > before;) {
    before = files.length;
    openAll(files);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return files;
}

function openAll(files: number[]): void {
  try {
    for (;;) files.push(openSync("/dev/null", "r"));
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EMFILE") throw error;
  }
}

const acts: Record<string, (...args: string[]) => unknown> = {
  pool,
  load: (way) => [reportOf(() => load(way as Way))],
  libraries: (way, file = "") => libraries(way as Way, file),
  together: (way) => loadTogether(way as Way),
  "without files": withoutFiles,
  replaced: (path = "") => loadReplaced(path),
  "replaced later": (path = "") => replaceLoaded(path),
};
const [act = "", ...args] = process.argv.slice(2);
console.log(JSON.stringify(await acts[act]!(...args)));
