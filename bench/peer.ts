/**
 * @thi.ng/malloc from npm: it manages an ArrayBuffer for one thread, walks its lists and does not check for double frees
 * exactly. In steady replacement: with so many live, the newest (LIFO), the oldest (FIFO) or any (random) is freed and
 * another one allocated. Both sides give numbers and no objects, and have as much memory. Each size has an engine of
 * its own.
 */

import { startEngine } from "./_engine.ts";
import { compare, ratioOf, rowOf, seriesNamed } from "./_measure.ts";
import { nameOf, ORDERS, PEER } from "./_peer_sides.ts";
import type { GroupResult, Settings, Table } from "./_types.ts";

export async function run(settings: Settings): Promise<GroupResult> {
  const tables: Table[] = [];
  const measured: Record<string, number> = {};
  for (const count of [1000, 10_000]) {
    const engine = await startEngine(new URL("_peer_sides.ts", import.meta.url), "sides", count);
    const series = await compare(engine.contenders, settings);
    await engine.close();
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
