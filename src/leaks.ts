import type { Lock } from "./lock.ts";
import { isAllocated, workerOf } from "./table.ts";
import { trustedLength } from "./trust.ts";
import type { Traces } from "./traces.ts";
import type { Views } from "./views.ts";

/**
 * A block of a checked pool that is still allocated.
 *
 * @example Where it was allocated
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type LeakInfo, MemPool } from "../mod.ts";
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
  /** Number of the worker that the block belongs to. */
  readonly owner: number;
  /** Where it was allocated: the caller's frames, innermost first, a line each. */
  readonly stack: string;
}

/** What is allocated in a checked pool, oldest first. */
export function listLeaks(lock: Lock, views: Views, traces: Traces): LeakInfo[] {
  const { table, blockSize } = views;
  return lock.inspect("list leaks", () => {
    return blocksInUse(views, traces).map((block) => ({
      offset: block * blockSize,
      byteLength: table.requested(block),
      owner: workerOf(table.loadTag(block)),
      stack: traces.stackAt(traces.allocatedAt(block)),
    }));
  });
}

/** For people: the same, those of one place together; "" when there are none. */
export function describeLeaks(leaks: readonly LeakInfo[]): string {
  if (leaks.length === 0) return "";
  const sites = new Map<string, { blocks: number; bytes: number }>();
  for (const { stack, byteLength } of leaks) {
    const site = sites.get(stack) ?? { blocks: 0, bytes: 0 };
    sites.set(stack, { blocks: site.blocks + 1, bytes: site.bytes + byteLength });
  }
  const lines = [...sites].map(([stack, { blocks, bytes }]) => `${count(blocks, bytes)}, allocated\n${stack}`);
  const bytes = leaks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return [`${count(leaks.length, bytes)}, still allocated`, ...lines].join("\n");
}

function count(blocks: number, bytes: number): string {
  return `${blocks} block${blocks === 1 ? "" : "s"}, ${bytes} byte${bytes === 1 ? "" : "s"}`;
}

function blocksInUse({ table }: Views, traces: Traces): number[] {
  const found: number[] = [];
  for (let block = 0; block < table.blockCount; block += trustedLength(table, block)) {
    if (isAllocated(table.loadTag(block)) && !traces.isFreed(block)) found.push(block);
  }
  return found.sort((one, other) => traces.compareAges(one, other));
}
