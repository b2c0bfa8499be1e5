/**
 * The contenders of bench/peer.ts with one number of live blocks, in an engine of their own. The loops of the two sides
 * are alike but not shared, so that the compilers specialise each of them.
 */

import { MemPool as PeerPool } from "@thi.ng/malloc";
import { MemPool } from "../mod.ts";
import type { Side } from "./_engine.ts";

export const PEER = "@thi.ng/malloc";
export const ORDERS = ["LIFO", "FIFO", "random"] as const;
export type Order = typeof ORDERS[number];

const BYTES = 200;
const BLOCK = 256;

export function nameOf(side: string, order: Order): string {
  return `${side}, ${order}`;
}

export function sides(count: number): Side[] {
  return [...poolSides(count), ...peerSides(count)];
}

function poolSides(count: number): Side[] {
  const pool = MemPool.init(2 * count * BLOCK, BLOCK);
  const live = Array.from({ length: count }, () => pool.allocOffset(BYTES));
  const operations = 4000;
  let seed = 1;
  let oldest = 0;
  const loops: Record<Order, () => void> = {
    LIFO: () => {
      const newest = count - 1;
      for (let i = 0; i < operations; i++) {
        pool.freeOffset(live[newest]!);
        live[newest] = pool.allocOffset(BYTES);
      }
    },
    FIFO: () => {
      for (let i = 0; i < operations; i++) {
        pool.freeOffset(live[oldest]!);
        live[oldest] = pool.allocOffset(BYTES);
        oldest = oldest + 1 === count ? 0 : oldest + 1;
      }
    },
    random: () => {
      for (let i = 0; i < operations; i++) {
        seed = Math.imul(seed, 1664525) + 1013904223 | 0;
        const at = Math.trunc((seed >>> 0) * (count / 2 ** 32));
        pool.freeOffset(live[at]!);
        live[at] = pool.allocOffset(BYTES);
      }
    },
  };
  return ORDERS.map((order) => {
    return { contender: { name: nameOf("pool", order), operations, run: loops[order] }, close: () => pool.destroy() };
  });
}

function peerSides(count: number): Side[] {
  const pool = new PeerPool({ size: 2 * count * BLOCK, align: 16 });
  const live = Array.from({ length: count }, () => pool.malloc(BYTES));
  const operations = 400;
  let seed = 1;
  let oldest = 0;
  const loops: Record<Order, () => void> = {
    LIFO: () => {
      const newest = count - 1;
      for (let i = 0; i < operations; i++) {
        pool.free(live[newest]!);
        live[newest] = pool.malloc(BYTES);
      }
    },
    FIFO: () => {
      for (let i = 0; i < operations; i++) {
        pool.free(live[oldest]!);
        live[oldest] = pool.malloc(BYTES);
        oldest = oldest + 1 === count ? 0 : oldest + 1;
      }
    },
    random: () => {
      for (let i = 0; i < operations; i++) {
        seed = Math.imul(seed, 1664525) + 1013904223 | 0;
        const at = Math.trunc((seed >>> 0) * (count / 2 ** 32));
        pool.free(live[at]!);
        live[at] = pool.malloc(BYTES);
      }
    },
  };
  return ORDERS.map((order) => {
    return { contender: { name: nameOf(PEER, order), operations, run: loops[order] }, close: () => {} };
  });
}
