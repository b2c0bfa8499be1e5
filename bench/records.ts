/**
 * Typed records against the same written by hand on typed arrays, and against plain objects.
 *
 * The walk follows the links of a graph, in random order, and reads and changes four fields of each record. A second walk
 * is in the order of the addresses. There the processor waits for nothing, so it shows what the accessors themselves
 * cost. Three layouts that one function uses are compared with a function for each. The list is made, walked and dropped,
 * which a garbage collector does not have to do link by link. Each comparison has an engine of its own.
 */

import { startEngine } from "./_engine.ts";
import { compare, ratioOf, rowOf, seriesNamed } from "./_measure.ts";
import * as sides from "./_record_sides.ts";
import type { GroupResult, Settings, Table } from "./_types.ts";

interface Part {
  readonly title: string;
  readonly make: string;
  readonly count: number;
  /** Each figure is the ratio of two contenders. */
  readonly figures: Readonly<Record<string, readonly [string, string]>>;
}

const { ACCESSORS, alone, CURSOR, HAND, OBJECTS, OFFSETS, RECORDS, shared } = sides;

export async function run(settings: Settings): Promise<GroupResult> {
  const [many, most] = settings.quick ? [1000, 2000] : [100_000, 1_000_000];
  const parts: Part[] = [
    {
      title: `A walk over ${shown(many)} records in random order`,
      make: "walkSides",
      count: many,
      figures: {
        "records.get": [ACCESSORS, HAND],
        "records.cursor": [CURSOR, HAND],
        "records.objects": [ACCESSORS, OBJECTS],
      },
    },
    {
      title: `A walk over ${shown(many)} records in order of address`,
      make: "orderedSides",
      count: many,
      figures: { "records.ordered.get": [ACCESSORS, HAND], "records.ordered.cursor": [CURSOR, HAND] },
    },
    {
      title: `A walk over ${shown(most)} records in random order`,
      make: "walkSides",
      count: most,
      figures: { "records.objects.most": [ACCESSORS, OBJECTS] },
    },
    {
      title: `Walks over ${shown(many)} records of each of three layouts`,
      make: "layoutSides",
      count: many,
      figures: {
        "records.layouts.get": [shared(ACCESSORS), alone(ACCESSORS)],
        "records.layouts.cursor": [shared(CURSOR), alone(CURSOR)],
      },
    },
    { title: "Allocation", make: "pairSides", count: 0, figures: { "records.pair": [RECORDS, OFFSETS] } },
    {
      title: `A list of ${shown(many)}: made, walked and dropped`,
      make: "listSides",
      count: many,
      figures: { "records.list": [ACCESSORS, OBJECTS] },
    },
  ];
  const tables: Table[] = [];
  const measured: Record<string, number> = {};
  for (const { title, make, count, figures } of parts) {
    const engine = await startEngine(new URL("_record_sides.ts", import.meta.url), make, count);
    const series = await compare(engine.contenders, settings);
    await engine.close();
    tables.push({ title, rows: series.map((each) => rowOf(each, series, controlOf(each.name, series[0]!.name))) });
    for (const [figure, [one, other]] of Object.entries(figures)) {
      measured[figure] = ratioOf(seriesNamed(series, one), seriesNamed(series, other));
    }
  }
  return { tables, measured };
}

function shown(count: number): string {
  return count.toLocaleString("en-US");
}

/** What a row is compared with: the first one, but a function for all layouts with its own kind. */
function controlOf(name: string, first: string): string {
  return name === shared(CURSOR) ? alone(CURSOR) : first;
}
