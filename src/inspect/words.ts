/**
 * The sentences, letters and measures that maps as text and as SVG have in common.
 *
 * @module
 */

import { showBlocks, showBytes, showCount, showShare, showTime } from "./numbers.ts";
import type { HistorySample } from "./history.ts";
import type { OwnerShare, PoolSurvey, SurveyCell } from "./survey.ts";

/** For example "Pool of 64 MiB: 262,144 blocks of 256 bytes". */
export function headingOf({ stats: { size, blockCount, blockSize } }: PoolSurvey): string {
  return `Pool of ${showBytes(size)}: ${showBlocks(blockCount)} of ${showBytes(blockSize)}`;
}

/** Two lines: the number of blocks in each state, and how the free blocks are spread. */
export function countsOf({ stats }: PoolSurvey): [states: string, shape: string] {
  const { blockCount, allocatedBlocks, cachedBlocks, freeBlocks, largestFreeRun, fragmentation } = stats;
  const part = (blocks: number): string =>
    `${showCount(blocks)} (${showShare(blockCount === 0 ? 0 : blocks / blockCount)})`;
  return [
    `allocated ${part(allocatedBlocks)}, cached ${part(cachedBlocks)}, free ${part(freeBlocks)}`,
    `longest free run ${showBlocks(largestFreeRun)}, fragmentation ${showShare(fragmentation)}`,
  ];
}

/** For example "worker 1: 3 blocks allocated, 2 cached". */
export function shareInWords(
  { owner, allocatedBytes, cachedBytes }: OwnerShare,
  { stats: { blockSize }, layouts }: PoolSurvey,
): string {
  const [allocated, cached] = [allocatedBytes / blockSize, cachedBytes / blockSize];
  const words = allocated === 0
    ? `${showBlocks(cached)} cached`
    : `${showBlocks(allocated)} allocated${cached === 0 ? "" : `, ${showCount(cached)} cached`}`;
  return `${ownerInWords(owner, layouts)}: ${words}`;
}

/** For example "worker 1", "layout Node" or "no worker". */
function ownerInWords(owner: number, layouts?: readonly string[]): string {
  if (owner === NO_WORKER) return layouts === undefined ? "no worker" : "no layout";
  return layouts === undefined ? `worker ${owner}` : `layout ${layouts[owner - 1]}`;
}

/** Number of blocks that one cell stands for, as text. */
export function scaleOf({ bytesPerCell, stats: { blockSize } }: PoolSurvey): string {
  return showBlocks(bytesPerCell / blockSize);
}

/** The time from the first sample to the last, for example "the last 12 s". */
export function spanOf(samples: readonly HistorySample[]): string {
  return `the last ${showTime(samples.at(-1)!.time - samples[0]!.time)}`;
}

/** The owner of blocks that belong to no worker. */
export const NO_WORKER = 0;

/** A letter depends on the owner's number only, so that it stays the same when other workers attach or leave. */
export function letterOf(owner: number, state: CellState): string {
  if (owner === NO_WORKER) return state === "allocated" ? "#" : "+";
  const letter = String.fromCharCode(A + (owner - 1) % LETTERS);
  return state === "allocated" ? letter : letter.toLowerCase();
}

const A = 65;
const LETTERS = 26;

export type CellState = "allocated" | "cached" | "free";

/** The state of most bytes of a cell. On a tie, allocated wins over cached, and cached over free. */
export function stateOfCell({ byteLength, allocatedBytes, cachedBytes }: SurveyCell): CellState {
  const freeBytes = byteLength - allocatedBytes - cachedBytes;
  if (allocatedBytes >= Math.max(cachedBytes, freeBytes)) return "allocated";
  return cachedBytes >= freeBytes ? "cached" : "free";
}

/** The first and the last cell that overlap the longest free run; undefined if every block is allocated. */
export function longestFreeCells({ longestFree, bytesPerCell }: PoolSurvey): [first: number, last: number] | undefined {
  const { offset, byteLength } = longestFree;
  if (byteLength === 0) return undefined;
  return [Math.floor(offset / bytesPerCell), Math.ceil((offset + byteLength) / bytesPerCell) - 1];
}

/** Number of cells in a row. Small pools get short rows, so that their maps are not a single line. */
export function columnsFor(cells: number): number {
  return cells <= 64 ? 16 : cells <= 256 ? 32 : 64;
}
