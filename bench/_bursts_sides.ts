/**
 * The contenders of bench/bursts.ts with one number of blocks, in an engine of their own. Their loops are alike but not
 * shared, so that the compilers specialise each of them.
 */

import { MemPool } from "../mod.ts";
import { type Kind, KINDS } from "./_bursts_kinds.ts";
import type { Side } from "./_engine.ts";

export const BYTES = 200;
const BLOCK = 256;

export const OFFSET_TIER = "pool, offset tier";
export const BUFFER_TIER = "pool, ArrayBuffer tier";

export function nameOf(side: string, kind: string, count: number): string {
  return `${side}, ${kind} of ${count.toLocaleString("en-US")}`;
}

/** The least number of pairs of allocation and free in one sample. */
export function pairsFor(count: number): number {
  return Math.max(4000, count);
}

/** Every number below `count` once, in an order that is the same on every side. */
export function shuffled(count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, at) => at);
  let seed = 1;
  for (let end = count; end > 1; end--) {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    const at = Math.trunc((seed >>> 0) * (end / 2 ** 32));
    [order[at], order[end - 1]] = [order[end - 1]!, order[at]!];
  }
  return order;
}

export function offsetSides(count: number): Side[] {
  const kinds = count > 100_000 ? ["a random half" as const] : Object.keys(KINDS) as Kind[];
  return kinds.map((kind) => kind === "a random half" ? halfOfOffsets(count) : allOffsets(count, kind));
}

export function bufferSides(count: number): Side[] {
  return (Object.keys(KINDS) as Kind[]).map((kind) => {
    return kind === "a random half" ? halfOfBuffers(count) : allBuffers(count, kind);
  });
}

function halfOfOffsets(count: number): Side {
  const pool = poolFor(count);
  const offsets = Array.from({ length: count }, () => pool.allocOffset(BYTES));
  const pairs = pairsFor(count);
  let seed = 1;
  const run = (): void => {
    for (let done = 0; done < pairs;) {
      for (let i = 0; i < count; i++) {
        seed = Math.imul(seed, 1664525) + 1013904223 | 0;
        if (seed >= 0) continue;
        pool.freeOffset(offsets[i]!);
        offsets[i] = -1;
        done++;
      }
      for (let i = 0; i < count; i++) {
        if (offsets[i] === -1) offsets[i] = pool.allocOffset(BYTES);
      }
    }
  };
  return side(pool, nameOf(OFFSET_TIER, "a random half", count), halfPairs(count, pairs), run);
}

function allOffsets(count: number, kind: Kind): Side {
  const pool = poolFor(count);
  const offsets = Array.from({ length: count }, () => pool.allocOffset(BYTES));
  const order = orderFor(count, kind);
  const times = Math.ceil(pairsFor(count) / count);
  const run = (): void => {
    for (let time = 0; time < times; time++) {
      for (let i = 0; i < count; i++) pool.freeOffset(offsets[order[i]!]!);
      for (let i = 0; i < count; i++) offsets[i] = pool.allocOffset(BYTES);
    }
  };
  return side(pool, nameOf(OFFSET_TIER, kind, count), times * count, run);
}

function halfOfBuffers(count: number): Side {
  const pool = poolFor(count);
  const blocks: (ArrayBuffer | null)[] = Array.from({ length: count }, () => pool.alloc(BYTES));
  const pairs = pairsFor(count);
  let seed = 1;
  const run = (): void => {
    for (let done = 0; done < pairs;) {
      for (let i = 0; i < count; i++) {
        seed = Math.imul(seed, 1664525) + 1013904223 | 0;
        if (seed >= 0) continue;
        pool.free(blocks[i]!);
        blocks[i] = null;
        done++;
      }
      for (let i = 0; i < count; i++) {
        if (blocks[i] === null) blocks[i] = pool.alloc(BYTES);
      }
    }
  };
  return side(pool, nameOf(BUFFER_TIER, "a random half", count), halfPairs(count, pairs), run);
}

function allBuffers(count: number, kind: Kind): Side {
  const pool = poolFor(count);
  const blocks = Array.from({ length: count }, () => pool.alloc(BYTES)!);
  const order = orderFor(count, kind);
  const times = Math.ceil(pairsFor(count) / count);
  const run = (): void => {
    for (let time = 0; time < times; time++) {
      for (let i = 0; i < count; i++) pool.free(blocks[order[i]!]!);
      for (let i = 0; i < count; i++) blocks[i] = pool.alloc(BYTES)!;
    }
  };
  return side(pool, nameOf(BUFFER_TIER, kind, count), times * count, run);
}

/** The expected number of pairs of a sample that replaces random halves, which ends with the burst that reaches `pairs`. */
function halfPairs(count: number, pairs: number): number {
  return Math.ceil(pairs / (count / 2)) * (count / 2);
}

function orderFor(count: number, kind: Kind): Int32Array {
  if (kind === "all shuffled") return shuffled(count);
  const inOrder = Int32Array.from({ length: count }, (_, at) => at);
  return kind === "all in reverse" ? inOrder.reverse() : inOrder;
}

function side(pool: MemPool, name: string, operations: number, run: () => void): Side {
  return { contender: { name, operations, run }, close: () => pool.destroy() };
}

/** Half of the pool stays free. */
function poolFor(count: number): MemPool {
  return MemPool.init(2 * count * BLOCK, BLOCK);
}
