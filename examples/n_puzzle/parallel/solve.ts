import { MemPool, type MemPoolHandle } from "../../../mod.ts";
import type { Exhaustion, Job, Solution } from "../messages.ts";
import { recordBytes } from "../stores/records.ts";
import type { Control } from "./control.ts";
import { Crew } from "./crew.ts";
import { searchTogether, type Solved, total } from "./search_together.ts";
import { cachedBlocks } from "./sizes.ts";

export type Outcome = { readonly solution: Solution } | { readonly full: Exhaustion };

/**
 * Called before the workers start and after the search ends. The pool exists in both calls, the workers in the second.
 */
export interface Watch {
  begin(handle: MemPoolHandle): void | Promise<void>;
  end(outcome: Outcome): void | Promise<void>;
}

/** Starts the workers of a job, solves it with them, and ends them. */
export async function solveTogether(job: Job, onStart: (control: Control) => void, watch: Watch): Promise<void> {
  const { size, memory } = job;
  const tiles = Uint8Array.from(job.tiles);
  const bytes = recordBytes(tiles.length);
  using pool = MemPool.init(memory, bytes, { cachedBlocks: cachedBlocks(memory, bytes) });
  await watch.begin(pool.handle);
  const crew = new Crew(job.workers);
  try {
    await watch.end(outcomeOf(job, await searchTogether(crew, pool, { size, tiles }, { onStart })));
  } finally {
    crew.end();
  }
}

function outcomeOf({ memory }: Job, outcome: { solved: Solved } | { full: Exhaustion }): Outcome {
  if ("full" in outcome) return { full: { ...outcome.full, memory } };
  const { moves, path, reports } = outcome.solved;
  const expanded = total(reports.map((report) => report.expanded));
  const allocations = total(reports.map((report) => report.allocations));
  return { solution: { moves, path, expanded, allocations } };
}
