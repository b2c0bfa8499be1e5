import type { Worker } from "../cache/worker.ts";

/** The part of a worker that makes blocks free. */
export type FreeingWorker = Pick<Worker, "mapping" | "region">;

/**
 * Takes in a run whose tag is FREE already and which is in no list. In a checked pool, its blocks are zeroed first. The
 * caller holds the lock.
 */
export function coalesce(worker: FreeingWorker, block: number): void {
  const { runs, table } = worker.region;
  clear(worker, block, block + table.length(block));
  runs.coalesce(block);
}

/** In a checked pool, zeroes the blocks from `first` to the one before `end`, which become free. */
export function clear({ mapping, region }: FreeingWorker, first: number, end: number): void {
  const { blockSize, checked } = region;
  if (checked && end > first) mapping.zero(first * blockSize, (end - first) * blockSize);
}
