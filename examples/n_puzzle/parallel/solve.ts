import { MemPool } from "../../../mod.ts";
import type { Exhaustion, Job, Solution } from "../messages.ts";
import { recordBytes } from "../stores/records.ts";
import type { Control } from "./control.ts";
import { Crew } from "./crew.ts";
import { searchTogether, total } from "./search_together.ts";
import { cachedBlocks } from "./sizes.ts";

/** Solves a job with its workers, from starting them to ending them. */
export async function solveTogether(
  job: Job,
  onStart: (control: Control) => void,
): Promise<{ solution: Solution } | { full: Exhaustion }> {
  const { size, memory } = job;
  const tiles = Uint8Array.from(job.tiles);
  const bytes = recordBytes(tiles.length);
  using pool = MemPool.init(memory, bytes, { cachedBlocks: cachedBlocks(memory, bytes) });
  const crew = new Crew(job.workers);
  try {
    const outcome = await searchTogether(crew, pool, { size, tiles }, { onStart });
    if ("full" in outcome) return { full: { ...outcome.full, memory } };
    const { moves, path, reports } = outcome.solved;
    const expanded = total(reports.map((report) => report.expanded));
    const allocations = total(reports.map((report) => report.allocations));
    return { solution: { moves, path, expanded, allocations } };
  } finally {
    crew.end();
  }
}
