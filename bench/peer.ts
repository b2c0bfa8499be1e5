/**
 * The pool against @thi.ng/malloc from npm, which manages an ArrayBuffer for one thread, walks its lists, and does not
 * find every double free. With a fixed number of live blocks, each operation frees the newest one (LIFO), the oldest
 * one (FIFO) or a random one, and allocates another. Both sides hand out numbers, not objects, and have the same amount
 * of memory. Each number of live blocks has an engine of its own.
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
