/** Draws the main figures as SVG with Vega-Lite, one panel for each runtime. Needs no browser. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { bars, type Datum, linear, lines } from "./_charts.ts";
import { writeNumber } from "./_tables.ts";
import type { GroupName, Report, Row } from "./_types.ts";

interface Figure {
  readonly file: string;
  readonly caption: string;
  readonly group: GroupName;
  /** The start of the title of the table to draw. */
  readonly table: string;
  readonly draw: (data: readonly Datum[], caption: string) => TopLevelSpec;
}

const FIGURES: readonly Figure[] = [
  {
    file: "pairs.svg",
    caption: "One allocation of 200 bytes and its free: ns, logarithmic",
    group: "pairs",
    table: "alloc(200) + free",
    draw: bars,
  },
  {
    file: "live-offsets.svg",
    caption: "Replacing random blocks, offset tier",
    group: "live",
    table: "Replacing one of so many live blocks at random, offset tier",
    draw: (data, caption) => lines(data, caption, "live blocks", "ns for one", "log"),
  },
  {
    file: "live-buffers.svg",
    caption: "Replacing random blocks, ArrayBuffer tier",
    group: "live",
    table: "Replacing one of so many live blocks at random, ArrayBuffer tier",
    draw: (data, caption) => lines(data, caption, "live blocks", "ns for one", "log"),
  },
  {
    file: "bursts.svg",
    caption: "A random half is freed, then allocated again",
    group: "bursts",
    table: "Bursts: a random half",
    draw: (data, caption) => lines(data, caption, "live blocks", "ns for a free and an allocation", "log"),
  },
  {
    file: "workers.svg",
    caption: "A mixed load on several workers",
    group: "workers",
    table: "Workers, mixed",
    draw: (data, caption) => lines(data, caption, "workers", "million replacements a second", "linear"),
  },
  {
    file: "peer.svg",
    caption: "Replacing one of 10,000 live blocks, compared with @thi.ng/malloc: ns, logarithmic",
    group: "peer",
    table: "Replacing one of 10,000",
    draw: bars,
  },
  {
    file: "puzzle-time.svg",
    caption: "N-puzzle at ten million allocations: seconds",
    group: "puzzle",
    table: "N-puzzle, time",
    draw: (data, caption) => bars(data, caption, linear),
  },
  {
    file: "puzzle-memory.svg",
    caption: "N-puzzle at ten million allocations: peak memory in MiB",
    group: "puzzle",
    table: "N-puzzle, peak memory",
    draw: (data, caption) => bars(data, caption, linear),
  },
];

/** Returns the captions of the files that it wrote. A figure without data is left out. */
export async function drawFigures(reports: readonly Report[], folder: string): Promise<Record<string, string>> {
  mkdirSync(folder, { recursive: true });
  const drawn: Record<string, string> = {};
  for (const { file, caption, group, table, draw } of FIGURES) {
    const data = reports.flatMap((report) => rowsOf(report, group, table).map((row) => datumOf(report, row)));
    if (data.length === 0) continue;
    const view = new View(parse(compile(draw(data, caption)).spec), { renderer: "none" });
    writeFileSync(join(folder, file), `${await view.toSVG()}\n`);
    view.finalize();
    drawn[file] = caption;
  }
  return drawn;
}

function rowsOf({ groups }: Report, group: GroupName, title: string): readonly Row[] {
  return groups[group]?.tables.find((table) => table.title.startsWith(title))?.rows ?? [];
}

function datumOf({ runtime }: Report, { name, mean, series = "", at = 0 }: Row): Datum {
  const line = series === "alone" ? "on one pool" : series;
  const ours = name.startsWith("pool") || line === "on one pool";
  return { runtime, name, mean, label: writeNumber(mean), ours, series: line, at };
}
