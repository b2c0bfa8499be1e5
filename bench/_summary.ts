/** The head of docs/benchmarks.md: the figures that other documents refer to, picked from the recorded tables. */

import { grid, writeNumber } from "./_tables.ts";
import type { GroupName, Report, Row } from "./_types.ts";

/** A line of the summary: a row of a recorded table. */
interface Line {
  readonly what: string;
  readonly group: GroupName;
  /** The start of the table's title. */
  readonly table: string;
  readonly row: string;
}

const PAIRS = "alloc(200) + free of one block, LIFO";
const LIVE = "Replacing one of so many live blocks at random";

/** What an allocation costs with its free; the ratio of each row is to malloc and free in C. */
const OPERATIONS: readonly Line[] = [
  { what: "the same block again and again, ArrayBuffers", group: "pairs", table: PAIRS, row: "pool, ArrayBuffer tier" },
  { what: "the same block again and again, offsets", group: "pairs", table: PAIRS, row: "pool, offset tier" },
  ...["1,000", "100,000"].flatMap((count) =>
    ["ArrayBuffer", "offset"].map((tier): Line => ({
      what: `replacing one of ${count} live blocks at random, ${tier}s`,
      group: "live",
      table: `${LIVE}, ${tier} tier`,
      row: `pool, ${tier} tier, ${count} live`,
    }))
  ),
  { what: "without a pool: `new ArrayBuffer(256)`", group: "pairs", table: PAIRS, row: "new ArrayBuffer(256)" },
  { what: "without a pool: `new Uint8Array(256)`", group: "pairs", table: PAIRS, row: "new Uint8Array(256)" },
];

const CONTROL = "pool";
/** The rows of the puzzle's tables, and how the summary names them. */
const STORES: Readonly<Record<string, string>> = {
  [CONTROL]: "records in a pool",
  "lean objects": "the leanest plain objects",
  objects: "plain objects as usual",
};

/** Returns Markdown. A line that no report has a row for is left out. */
export function writeSummary(reports: readonly Report[]): string {
  return `${INTRODUCTION}
${writeOperations(reports)}
${PUZZLE}
${writePuzzle(reports)}`;
}

const INTRODUCTION = `## Summary

One allocation of 200 bytes with its free, in nanoseconds, and the same as a multiple of \`malloc\` and \`free\` in C:
`;

const PUZZLE =
  `An A* search of the N-puzzle that allocates ten million states: the time and the peak memory of its process. The
leanest plain objects are the smallest and fastest ones that we could write: three integers each, found through a
hash table. Objects as usual have a \`Uint8Array\` each, and are found through a \`Map\` with strings as its keys.
`;

function writeOperations(reports: readonly Report[]): string {
  const head = ["operation", ...reports.flatMap(({ runtime }) => [`${runtime}, ns`, "of malloc"])];
  const lines = OPERATIONS.flatMap(({ what, group, table, row }) => {
    const rows = reports.map((report) => findRow(report, group, table, row));
    if (rows.every((found) => found === undefined)) return [];
    return [[what, ...rows.flatMap((found) => [write(found?.mean), write(found?.ratio, " ×")])]];
  });
  return grid([head, ...lines], ["left", ...reports.flatMap(() => ["right", "right"])]);
}

function writePuzzle(reports: readonly Report[]): string {
  const head = ["states", ...reports.flatMap(({ runtime }) => [`${runtime}, time`, "memory"])];
  const lines = Object.entries(STORES).flatMap(([row, what]) => {
    const cells = reports.flatMap((report) => {
      return ["N-puzzle, time", "N-puzzle, peak memory"].map((table) => writeShare(report, table, row));
    });
    return cells.every((cell) => cell === "") ? [] : [[what, ...cells]];
  });
  return grid([head, ...lines], ["left", ...reports.flatMap(() => ["right", "right"])]);
}

/** The figure itself for the control, and a multiple of the control's for the others. */
function writeShare(report: Report, table: string, name: string): string {
  const row = findRow(report, "puzzle", table, name);
  if (row === undefined) return "";
  if (name === CONTROL) return write(row.mean, ` ${row.unit}`);
  return write(row.mean / findRow(report, "puzzle", table, CONTROL)!.mean, " ×");
}

function findRow({ groups }: Report, group: GroupName, title: string, name: string): Row | undefined {
  return groups[group]?.tables.find((table) => table.title.startsWith(title))?.rows.find((row) => row.name === name);
}

function write(value: number | undefined, unit = ""): string {
  return value === undefined ? "" : `${writeNumber(value)}${unit}`;
}
