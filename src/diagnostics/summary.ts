import { DEPOT_COUNT, FREE_BLOCKS } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { type Inspection, levelsLeft } from "../runtime/console.ts";

/**
 * What `summaryOf` needs of a pool object. A pool object that was closed, or whose pool is destroyed, has no region.
 */
export interface Subject {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly region: Region | "closed" | "destroyed";
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/**
 * A pool in one line, with colours if the console has them. If the console shows fewer levels than the pool lies deep,
 * the line is only its name.
 */
export function summaryOf(subject: Subject, levels: unknown, inspection: Inspection = {}): string {
  const style = (text: string, kind: string): string => inspection.stylize?.(text, kind) ?? text;
  if (levelsLeft(levels, inspection) < 0) return style("[MemPool]", "special");
  const { blockSize, blockCount, region } = subject;
  const end = typeof region === "string" ? [style(region, "special")] : [];
  const state = typeof region === "string" ? {} : stateOf(region, blockCount);
  const values = { size: bytes(blockCount * blockSize), blocks: `${blockCount} × ${bytes(blockSize)}`, ...state };
  const named = Object.entries(values).map(([name, value]) => `${name}: ${style(String(value), "number")}`);
  return `MemPool { ${[...end, ...named].join(", ")} }`;
}

function stateOf(region: Region, blockCount: number): Record<string, string | number> {
  const { table: { capacity }, blockSize } = region;
  const limit: Record<string, string> = capacity > blockCount ? { maxSize: bytes(capacity * blockSize) } : {};
  return { ...limit, ...countsOf(region, blockCount) };
}

/**
 * The counts of `stats`, taken from the counters in the header and without the lock, because printing a pool must
 * neither wait nor fail. What other workers do at this moment may count or not; the three kinds of blocks add up in any
 * case.
 */
function countsOf({ header, slots }: Region, blockCount: number): Record<string, number> {
  const cached = Math.min(Math.max(slots.cachedBlocks(), 0), blockCount);
  const free = Math.min(Math.max(header[FREE_BLOCKS]! + header[DEPOT_COUNT]!, 0), blockCount - cached);
  return { allocated: blockCount - cached - free, cached, free, workers: slots.countWorkers() };
}

function bytes(count: number): string {
  const unit = Math.min(Math.floor(Math.log2(count) / 10), UNITS.length - 1);
  return `${Number((count / 1024 ** unit).toFixed(1))} ${UNITS[unit]}`;
}
