/**
 * What bench/peer.ts measures, at one size. Each size has an instance of this module: in a program that has one pool the
 * compilers take it for a constant, and of code that has seen several they would not.
 */

import type { MemPool as PeerPool } from "@thi.ng/malloc";
import type { MemPool } from "../mod.ts";
import type { Contender } from "./_measure.ts";

export const PEER = "@thi.ng/malloc";
export const ORDERS = ["LIFO", "FIFO", "random"] as const;
export type Order = typeof ORDERS[number];

const BYTES = 200;

export function nameOf(side: string, order: Order): string {
  return `${side}, ${order}`;
}

// The loops of the two sides look alike and are not shared, so that each compiler output knows one of them only.

export function poolSides(pool: MemPool, count: number): Contender[] {
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
  return ORDERS.map((order) => ({ name: nameOf("pool", order), operations, run: loops[order] }));
}

export function peerSides(pool: PeerPool, count: number): Contender[] {
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
  return ORDERS.map((order) => ({ name: nameOf(PEER, order), operations, run: loops[order] }));
}
