import type { Lock } from "../allocator/lock.ts";
import { isAllocated, ownerOf } from "../region/block_table.ts";
import type { Region } from "../region/region.ts";
import { validLength } from "../region/validate.ts";
import type { AllocationLog } from "./allocation_log.ts";

/**
 * A block of a checked pool that is still allocated.
 *
 * @example Where it was allocated
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type LeakInfo, MemPool } from "mempool";
 *
 * using pool = MemPool.init(1024, 64, { checked: true });
 * const block = pool.alloc(50)!;
 * const [leak] = pool.leaks() as [LeakInfo];
 * assertEquals([leak.offset, leak.byteLength, leak.stack.includes("at ")], [0, 50, true]);
 * pool.free(block);
 * ```
 */
export interface LeakInfo {
  /** Distance of the block from the start of the data, in bytes. */
  readonly offset: number;
  /** Bytes that were asked for. */
  readonly byteLength: number;
  /** Number of the worker that the block belongs to, 0 where it is nobody's: see {@linkcode BlockInfo.owner}. */
  readonly owner: number;
  /** Where it was allocated: the caller's frames, innermost first, a line each. */
  readonly stack: string;
}

/** What is allocated in a checked pool, oldest first. */
export function listLeaks(lock: Lock, region: Region, log: AllocationLog): LeakInfo[] {
  const { table, blockSize } = region;
  return lock.inspect("list leaks", () => {
    return blocksInUse(region, log).map((block) => ({
      offset: block * blockSize,
      byteLength: table.requested(block),
      owner: ownerOf(table.loadTag(block)),
      stack: log.stackAt(log.allocatedAt(block)),
    }));
  });
}

/** Sites that a report shows: each comes with a stack. */
const MAX_SITES = 20;

/** What was allocated at one place. */
interface Site {
  readonly blocks: number;
  readonly bytes: number;
}

/**
 * For people: the same leaks, those of one place together, with how many and how large they are. The place of the oldest
 * leak comes first; of very many places the others are only counted. "" when there are no leaks.
 */
export function describeLeaks(leaks: readonly LeakInfo[]): string {
  if (leaks.length === 0) return "";
  const sites = [...groupBySite(leaks)];
  const shown = sites.slice(0, MAX_SITES).map(([stack, site]) => `${count(site)}, allocated\n${stack}`);
  const others = sites.slice(MAX_SITES).map(([, site]) => site);
  const more = others.length === 0 ? [] : [`… and ${counted(others.length, "more site")}: ${count(sumOf(others))}`];
  return [`${count(sumOf(sites.map(([, site]) => site)))}, still allocated`, ...shown, ...more].join("\n");
}

/** In the order of each site's first leak. */
function groupBySite(leaks: readonly LeakInfo[]): Map<string, Site> {
  const sites = new Map<string, Site>();
  for (const { stack, byteLength } of leaks) {
    sites.set(stack, sumOf([sites.get(stack) ?? { blocks: 0, bytes: 0 }, { blocks: 1, bytes: byteLength }]));
  }
  return sites;
}

function sumOf(sites: readonly Site[]): Site {
  return sites.reduce((sum, { blocks, bytes }) => ({ blocks: sum.blocks + blocks, bytes: sum.bytes + bytes }));
}

function count({ blocks, bytes }: Site): string {
  return `${counted(blocks, "block")}, ${counted(bytes, "byte")}`;
}

function counted(number: number, name: string): string {
  return `${number} ${name}${number === 1 ? "" : "s"}`;
}

function blocksInUse({ table }: Region, log: AllocationLog): number[] {
  const found: number[] = [];
  for (let block = 0; block < table.blockCount; block += validLength(table, block)) {
    if (isAllocated(table.loadTag(block)) && !log.isFreed(block)) found.push(block);
  }
  return found.sort((one, other) => log.compareAges(one, other));
}
