import type { Lock } from "../allocator/lock.ts";
import { isAllocated, ownerOf } from "../region/block_table.ts";
import type { Region } from "../region/region.ts";
import { validLength } from "../region/validate.ts";
import { type AllocationLog, recordAndStack, stackOf } from "./allocation_log.ts";

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
  /**
   * Distance of the block from the first data byte, in bytes: a multiple of the pool's `blockSize`, below its `size`.
   */
  readonly offset: number;
  /** Bytes that were asked for, from 1 up. */
  readonly byteLength: number;
  /** Number, from 1 up, of the worker that owns the block, or 0 if no worker does: see {@linkcode BlockInfo.owner}. */
  readonly owner: number;
  /** The stack that allocated the block: the caller's frames, innermost first, one a line, at most 16. */
  readonly stack: string;
  /** The name of the layout, if the block is a record. */
  readonly record?: string;
}

/** Lists the blocks of a checked pool that are still allocated, the oldest first. */
export function listLeaks(lock: Lock, region: Region, log: AllocationLog): LeakInfo[] {
  const { table, blockSize } = region;
  return lock.inspect("list leaks", () => {
    return blocksInUse(region, log).map((block) => ({
      offset: block * blockSize,
      byteLength: table.requested(block),
      owner: ownerOf(table.loadTag(block)),
      ...recordAndStack(log.stackAt(log.allocatedAt(block))),
    }));
  });
}

/** The number of places in a report that are shown with their stacks. */
const MAX_SITES = 20;

/** The leaks of one place: how many blocks, and how many bytes were asked for. */
interface Site {
  readonly blocks: number;
  readonly bytes: number;
}

/**
 * A report of leaks for people. Leaks with the same stack are summed up, and the place of the oldest leak comes first.
 * After 20 places the others are only counted. "" if there are no leaks.
 */
export function describeLeaks(leaks: readonly LeakInfo[]): string {
  if (leaks.length === 0) return "";
  const sites = [...groupBySite(leaks)];
  const shown = sites.slice(0, MAX_SITES).map(([stack, site]) => `${count(site)}, allocated\n${stack}`);
  const others = sites.slice(MAX_SITES).map(([, site]) => site);
  const more = others.length === 0 ? [] : [`… and ${counted(others.length, "more site")}: ${count(sumOf(others))}`];
  return [`${count(sumOf(sites.map(([, site]) => site)))}, still allocated`, ...shown, ...more].join("\n");
}

/** The sites by the texts that the log has for them, in the order of the first leak of each. */
function groupBySite(leaks: readonly LeakInfo[]): Map<string, Site> {
  const sites = new Map<string, Site>();
  for (const { record, stack, byteLength } of leaks) {
    const site = stackOf(record, stack);
    sites.set(site, sumOf([sites.get(site) ?? { blocks: 0, bytes: 0 }, { blocks: 1, bytes: byteLength }]));
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

/** The first blocks of the runs whose last allocation has not ended, oldest first. */
function blocksInUse({ table }: Region, log: AllocationLog): number[] {
  const found: number[] = [];
  for (let block = 0; block < table.blockCount; block += validLength(table, block)) {
    if (isAllocated(table.loadTag(block)) && !log.isFreed(block)) found.push(block);
  }
  return found.sort((one, other) => log.compareAges(one, other));
}
