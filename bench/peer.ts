/**
 * @thi.ng/malloc from npm: it manages an ArrayBuffer for one thread, walks its lists and does not check for double frees
 * exactly. In steady replacement: with so many live, the newest (LIFO), the oldest (FIFO) or any (random) is freed and
 * another one allocated. Both sides give numbers and no objects, and have as much memory.
 */

import { MemPool as PeerPool } from "@thi.ng/malloc";
import { MemPool } from "../mod.ts";
import { compare, type Contender, ratioOf, rowOf, seriesNamed } from "./_measure.ts";
import type { GroupResult, Settings, Table } from "./_types.ts";

const BYTES = 200;
const BLOCK = 256;
const ORDERS = ["LIFO", "FIFO", "random"] as const;
type Order = typeof ORDERS[number];

export async function run(settings: Settings): Promise<GroupResult> {
  const tables: Table[] = [];
  const measured: Record<string, number> = {};
  for (const count of [1000, 10_000]) {
    const pool = MemPool.init(2 * count * BLOCK, BLOCK);
    const peer = new PeerPool({ size: 2 * count * BLOCK, align: 16 });
    const series = compare([...poolSides(pool, count), ...peerSides(peer, count)], settings);
    pool.destroy();
    const names = ORDERS.map((order) => ({ order, ours: nameOf("pool", order), theirs: nameOf(PEER, order) }));
    const rows = names.flatMap(({ ours, theirs }) => {
      return [rowOf(seriesNamed(series, theirs)), rowOf(seriesNamed(series, ours), series, theirs)];
    });
    tables.push({ title: `Replacing one of ${count.toLocaleString("en-US")} live blocks, offset tier`, rows });
    for (const { order, ours, theirs } of names) {
      const times = ratioOf(seriesNamed(series, theirs), seriesNamed(series, ours));
      measured[`peer.${order.toLowerCase()}.${count}`] = times;
    }
  }
  return { tables, measured };
}

const PEER = "@thi.ng/malloc";

function nameOf(side: string, order: Order): string {
  return `${side}, ${order}`;
}

// The loops of the two sides look alike and are not shared, so that each compiler output knows one of them only.

function poolSides(pool: MemPool, count: number): Contender[] {
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

function peerSides(pool: PeerPool, count: number): Contender[] {
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
