/**
 * @thi.ng/malloc from npm: it manages an ArrayBuffer for one thread, walks its lists and does not check for double frees
 * exactly. In steady replacement: with so many live, the newest (LIFO), the oldest (FIFO) or any (random) is freed and
 * another one allocated. Both sides give numbers and no objects, and have as much memory.
 */

import { MemPool as PeerPool } from "@thi.ng/malloc";
import { MemPool } from "../mod.ts";
import { compare, ratioOf, rowOf, seriesNamed } from "./_measure.ts";
import { nameOf, ORDERS, PEER } from "./_peer_sides.ts";
import type { GroupResult, Settings, Table } from "./_types.ts";

const BLOCK = 256;

export async function run(settings: Settings): Promise<GroupResult> {
  const tables: Table[] = [];
  const measured: Record<string, number> = {};
  for (const count of [1000, 10_000]) {
    const pool = MemPool.init(2 * count * BLOCK, BLOCK);
    const peer = new PeerPool({ size: 2 * count * BLOCK, align: 16 });
    const { poolSides, peerSides }: typeof import("./_peer_sides.ts") = await import(`./_peer_sides.ts?${count}`);
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
