/** A worker of parallel searches. It runs one job after another. */

import { parentPort } from "node:worker_threads";
import { MemPool } from "../../../mod.ts";
import { Heuristic } from "../heuristic.ts";
import { PoolMemory } from "../stores/pool_memory.ts";
import { RecordStore } from "../stores/record_store.ts";
import { StoreFullError } from "../stores/records.ts";
import { Control, STOPPED } from "./control.ts";
import type { PartJob, PartMessage, PartReport } from "./messages.ts";
import { Part, StoppedError } from "./part.ts";
import { firstTableBits } from "./sizes.ts";

parentPort!.on("message", (job: PartJob) => say(answer(job)));
say({ kind: "ready" });

function say(message: PartMessage): void {
  parentPort!.postMessage(message);
}

function answer(job: PartJob): PartMessage {
  const control = new Control(job.control, job.workers);
  try {
    return search(job, control);
  } catch (error) {
    control.end(STOPPED);
    if (error instanceof StoreFullError) return { kind: "full" };
    return { kind: "error", error: error instanceof Error ? error.message : String(error) };
  }
}

function search(job: PartJob, control: Control): PartMessage {
  const { size, tiles, workers, worker } = job;
  const puzzle = { size, tiles };
  using pool = MemPool.attach(job.pool);
  const store = new RecordStore(new PoolMemory(pool, tiles.length), tiles.length, firstTableBits(workers));
  const part = new Part(
    store,
    new Heuristic(size),
    puzzle,
    control,
    worker,
    new Int32Array(pool.at(job.rings)),
  );
  try {
    part.run();
    return { kind: "done", report: reportOf(part, store) };
  } catch (error) {
    control.end(STOPPED);
    if (error instanceof StoreFullError) return { kind: "full", report: reportOf(part, store) };
    if (error instanceof StoppedError) return { kind: "done", report: reportOf(part, store) };
    throw error;
  } finally {
    store.close();
  }
}

function reportOf(part: Part, { released }: RecordStore): PartReport {
  const { expanded, allocations, boundReached } = part.progress;
  return { goal: part.goal, expanded, allocations, released, boundReached, lowestOpen: part.lowestOpen() };
}
