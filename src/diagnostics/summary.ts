import { type Inspection, levelsLeft } from "../runtime/console.ts";
import { FREE_BLOCKS } from "../region/layout.ts";
import type { Region } from "../region/region.ts";

/** What a pool has to say of itself: how large it is, and its region, or that it is gone. */
export interface Subject {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly region: Region | "closed" | "destroyed";
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A pool in one line, coloured where the console is. Whoever asks for fewer levels than it lies deep gets its name only. */
export function summaryOf(subject: Subject, levels: unknown, inspection: Inspection = {}): string {
  const style = (text: string, kind: string): string => inspection.stylize?.(text, kind) ?? text;
  if (levelsLeft(levels, inspection) < 0) return style("[MemPool]", "special");
  const { blockSize, blockCount, region } = subject;
  const ended = typeof region === "string" ? [style(region, "special")] : [];
  const state = typeof region === "string" ? {} : stateOf(region, blockCount);
  const values = { size: bytes(blockCount * blockSize), blocks: `${blockCount} × ${bytes(blockSize)}`, ...state };
  const named = Object.entries(values).map(([name, value]) => `${name}: ${style(String(value), "number")}`);
  return `MemPool { ${[...ended, ...named].join(", ")} }`;
}

function stateOf(region: Region, blockCount: number): Record<string, string | number> {
  const { table: { capacity }, blockSize } = region;
  const limit: Record<string, string> = capacity > blockCount ? { maxSize: bytes(capacity * blockSize) } : {};
  return { ...limit, ...countsOf(region, blockCount) };
}

/**
 * As `stats` counts, but by what workers say of their caches, and without the lock: printing a pool must neither wait nor
 * fail. What others just do may count either way; the sum is right all the same.
 */
function countsOf({ header, slots }: Region, blockCount: number): Record<string, number> {
  const cached = Math.min(Math.max(slots.cachedBlocks(), 0), blockCount);
  const free = Math.min(Math.max(header[FREE_BLOCKS]!, 0), blockCount - cached);
  return { allocated: blockCount - cached - free, cached, free, workers: slots.countWorkers() };
}

function bytes(count: number): string {
  const unit = Math.min(Math.floor(Math.log2(count) / 10), UNITS.length - 1);
  return `${Number((count / 1024 ** unit).toFixed(1))} ${UNITS[unit]}`;
}
