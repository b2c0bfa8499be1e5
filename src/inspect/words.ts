import { showBlocks, showBytes, showCount, showShare, showTime } from "./numbers.ts";
import type { HistorySample } from "./history.ts";
import type { OwnerShare, PoolSurvey, SurveyCell } from "./survey.ts";

/** What pictures and text say alike. */

/** "Pool of 64 MiB: 262,144 blocks of 256 bytes". */
export function headingOf({ stats: { size, blockCount, blockSize } }: PoolSurvey): string {
  return `Pool of ${showBytes(size)}: ${showBlocks(blockCount)} of ${showBytes(blockSize)}`;
}

/** How many blocks are in which state, and the shape of the free ones: one line each. */
export function countsOf({ stats }: PoolSurvey): [states: string, shape: string] {
  const { blockCount, allocatedBlocks, cachedBlocks, freeBlocks, largestFreeRun, fragmentation } = stats;
  const part = (blocks: number): string =>
    `${showCount(blocks)} (${showShare(blockCount === 0 ? 0 : blocks / blockCount)})`;
  return [
    `allocated ${part(allocatedBlocks)}, cached ${part(cachedBlocks)}, free ${part(freeBlocks)}`,
    `longest free run ${showBlocks(largestFreeRun)}, fragmentation ${showShare(fragmentation)}`,
  ];
}

/** "worker 1: 3 blocks allocated, 2 cached". */
export function shareInWords({ owner, allocatedBytes, cachedBytes }: OwnerShare, blockSize: number): string {
  const [allocated, cached] = [allocatedBytes / blockSize, cachedBytes / blockSize];
  const words = allocated === 0
    ? `${showBlocks(cached)} cached`
    : `${showBlocks(allocated)} allocated${cached === 0 ? "" : `, ${showCount(cached)} cached`}`;
  return `${owner === NOBODY ? "no worker" : `worker ${owner}`}: ${words}`;
}

/** What one cell stands for. */
export function scaleOf({ bytesPerCell, stats: { blockSize } }: PoolSurvey): string {
  return showBlocks(bytesPerCell / blockSize);
}

/** "the last 12 s". */
export function spanOf(samples: readonly HistorySample[]): string {
  return `the last ${showTime(samples.at(-1)!.time - samples[0]!.time)}`;
}

export const NOBODY = 0;

/** Owners have a letter and a colour by their number, so that both stay when other workers come and go. */
export function letterOf(owner: number, state: CellState): string {
  if (owner === NOBODY) return state === "allocated" ? "#" : "+";
  const letter = String.fromCharCode(A + (owner - 1) % LETTERS);
  return state === "allocated" ? letter : letter.toLowerCase();
}

const A = 65;
const LETTERS = 26;

export type CellState = "allocated" | "cached" | "free";

/** What most of a cell is; where two are equal, the one that is more in use. */
export function stateOfCell({ byteLength, allocatedBytes, cachedBytes }: SurveyCell): CellState {
  const freeBytes = byteLength - allocatedBytes - cachedBytes;
  if (allocatedBytes >= Math.max(cachedBytes, freeBytes)) return "allocated";
  return cachedBytes >= freeBytes ? "cached" : "free";
}

/** The cells that lie wholly or partly in the longest free run, as a first and a last one; none in a full pool. */
export function longestFreeCells({ longestFree, bytesPerCell }: PoolSurvey): [first: number, last: number] | undefined {
  const { offset, byteLength } = longestFree;
  if (byteLength === 0) return undefined;
  return [Math.floor(offset / bytesPerCell), Math.ceil((offset + byteLength) / bytesPerCell) - 1];
}

/** How many cells a row has: a row of a small pool is not wider than the pool is high. */
export function columnsFor(cells: number): number {
  return cells <= 64 ? 16 : cells <= 256 ? 32 : 64;
}
