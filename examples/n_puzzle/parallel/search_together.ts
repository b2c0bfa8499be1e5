import type { MemPool } from "../../../mod.ts";
import { Heuristic } from "../heuristic.ts";
import type { Exhaustion } from "../messages.ts";
import { pathTo } from "../path.ts";
import type { Puzzle } from "../puzzle.ts";
import { PoolMemory } from "../stores/pool_memory.ts";
import { NONE, readTiles } from "../stores/records.ts";
import { Control, STOPPED } from "./control.ts";
import type { Crew } from "./crew.ts";
import type { PartMessage, PartReport } from "./messages.ts";
import { ringEntries } from "./rings.ts";
import { ringCapacity } from "./sizes.ts";

export interface Solved {
  readonly moves: number;
  readonly path: readonly (readonly number[])[];
  readonly reports: readonly PartReport[];
}

export interface Options {
  /** The number of entries of one ring, a power of two. The default depends on the size of the pool. */
  readonly capacity?: number;
  /** Called once. The argument knows how far the search is. */
  readonly onStart?: (control: Control) => void;
}

/**
 * Searches with all workers of a crew in one pool, which this thread has created for records of the puzzle's size.
 * States that were not released stay in the pool.
 */
export async function searchTogether(
  crew: Crew,
  pool: MemPool,
  puzzle: Puzzle,
  options: Options = {},
): Promise<{ solved: Solved } | { full: Exhaustion }> {
  const { workers } = crew;
  const firstF = new Heuristic(puzzle.size).of(puzzle.tiles);
  const capacity = options.capacity ?? ringCapacity(workers, pool.size);
  const rings = pool.allocArray(Int32Array, ringEntries(workers, capacity));
  if (rings === null) return { full: exhaustionOf(pool, firstF, firstF, []) };
  try {
    const control = Control.make(workers, firstF);
    options.onStart?.(control);
    await crew.ready();
    const job = { pool: pool.handle, control: control.buffer, rings: pool.offsetOf(rings), workers, ...puzzle };
    const answers = await crew.run((worker) => ({ ...job, worker }), () => control.end(STOPPED));
    return answers.some((answer) => answer.kind === "full")
      ? { full: exhaustionOf(pool, firstF, control.bound, answers) }
      : { solved: solutionOf(pool, puzzle, reportsOf(answers)) };
  } finally {
    pool.free(rings);
  }
}

function reportsOf(answers: readonly PartMessage[]): PartReport[] {
  return answers.flatMap((answer) => "report" in answer ? [answer.report] : []);
}

function solutionOf(pool: MemPool, { tiles }: Puzzle, reports: readonly PartReport[]): Solved {
  const { states: { get } } = new PoolMemory(pool, tiles.length);
  const goals = reports.map((report) => report.goal).filter((goal) => goal !== NONE);
  const [best] = goals.sort((a, b) => get.g(a) - get.g(b));
  if (best === undefined) throw new Error("All frontiers are empty: the puzzle has no solution");
  const path = pathTo(
    {
      none: NONE,
      parent: (ref) => get.parent(ref),
      load: (ref, board) => readTiles(get, ref, board),
    },
    best,
    tiles.length,
  );
  return { moves: path.length - 1, path, reports };
}

function exhaustionOf(pool: MemPool, firstF: number, known: number, answers: readonly PartMessage[]): Exhaustion {
  const reports = reportsOf(answers);
  const allocations = total(reports.map((report) => report.allocations));
  // A worker that could not begin has no report, and may own the start.
  const lowest = reports.length === answers.length
    ? Math.min(known, ...reports.map((report) => report.lowestOpen))
    : firstF;
  return {
    memory: pool.size,
    allocations: Math.max(allocations, 1),
    bound: lowest,
    boundReached: mergeBounds(reports),
  };
}

/** For each bound, the sum of what each worker had allocated when it reached the bound, or in all if it never did. */
function mergeBounds(reports: readonly PartReport[]): number[] {
  const bounds = Math.max(0, ...reports.map((report) => report.boundReached.length));
  return Array.from(
    { length: bounds },
    (_, level) => total(reports.map((report) => report.boundReached[level] ?? report.allocations)),
  );
}

export function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
