import process from "node:process";
import { stripVTControlCharacters, styleText } from "node:util";
import Chartscii from "chartscii";
import Table from "cli-table3";
import type { Result } from "./messages.ts";
import type { StoreName } from "./options.ts";
import { showBytes, showCount, showTime } from "./units.ts";

const BETWEEN_BOARDS = "    ";
const CHART_WIDTH = 50;
const FALLBACK_COLUMNS = 100;

/** What a state is in each store. */
const STATES: Readonly<Record<StoreName, string>> = {
  pool: "a typed record of a memory pool, without a JavaScript object",
  buffers: "an ArrayBuffer allocated from a memory pool",
  lean: "the smallest plain object possible: three integers, in a hash table",
  objects: "a plain object as usual, with a Uint8Array, in a Map with a string as its key",
};

/** The boards from start to goal, several to a row. On a terminal, the tile that has just moved is bold. */
export function showPath(path: Result["path"], size: number): string {
  const width = String(size * size - 1).length;
  const boardWidth = size * (width + 1) - 1 + BETWEEN_BOARDS.length;
  const columns = process.stdout.columns || FALLBACK_COLUMNS;
  const perRow = Math.max(1, Math.floor((columns + BETWEEN_BOARDS.length) / boardWidth));
  const boards = path.map((tiles, move) => boardLines(tiles, path[move - 1], size, width));
  const rows: string[] = [];
  for (let first = 0; first < boards.length; first += perRow) {
    const row = boards.slice(first, first + perRow);
    for (let line = 0; line < size; line++) rows.push(row.map((board) => board[line]).join(BETWEEN_BOARDS).trimEnd());
    rows.push("");
  }
  return rows.join("\n");
}

function boardLines(
  tiles: readonly number[],
  before: readonly number[] | undefined,
  size: number,
  width: number,
): string[] {
  const cells = tiles.map((tile, cell) => {
    const text = (tile === 0 ? "·" : String(tile)).padStart(width);
    return before !== undefined && tile !== 0 && before[cell] !== tile ? emphasize(text) : text;
  });
  return Array.from({ length: size }, (_, row) => cells.slice(row * size, (row + 1) * size).join(" "));
}

/** Shows the figures of each store, compared with the first one, and explains the stores. */
export function showTable(results: readonly Result[]): string {
  const first = results[0]!;
  const compared = (cell: string): string[] => results.length > 1 ? [cell] : [];
  const ratio = compared(`× ${first.store}`);
  const head = ["store", "time", ...ratio, "peak memory", ...ratio, "states made", "expanded"];
  const table = new Table({
    head,
    colAligns: head.map((_, column) => column === 0 ? "left" : "right"),
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) {
    table.push([
      nameOf(result),
      showTime(result.milliseconds),
      ...compared(showRatio(result.milliseconds / first.milliseconds)),
      showBytes(result.peakBytes),
      ...compared(showRatio(result.peakBytes / first.peakBytes)),
      showCount(result.allocations),
      showCount(result.expanded),
    ]);
  }
  return [...introduce(results), table.toString(), ...explainStores(results), ...explainWorkers(results)].join("\n");
}

function introduce(results: readonly Result[]): string[] {
  return results.length > 1
    ? ["The same search with each way to store its states, every time in a new process:", ""]
    : [];
}

function explainStores(results: readonly Result[]): string[] {
  const width = Math.max(...results.map(({ store }) => store.length));
  return ["", "A state is", ...results.map(({ store }) => `  ${store.padEnd(width)} ${STATES[store]}`)];
}

function nameOf({ store, workers = 1 }: Result): string {
  return workers > 1 ? `${store}, ${workers} workers` : store;
}

function explainWorkers(results: readonly Result[]): string[] {
  const [{ workers = 1 }, ...others] = results as [Result, ...Result[]];
  return workers > 1 && others.length > 0
    ? ["", `${workers} workers share the pool. The other stores cannot be shared, so a single thread searches in each.`]
    : [];
}

function showRatio(ratio: number): string {
  return ratio >= 100 ? showCount(ratio) : ratio.toPrecision(2);
}

/** Bar charts of the times and of the peaks of memory. A single store has none. */
export function showCharts(results: readonly Result[]): string {
  if (results.length === 1) return "";
  return [
    chart("Time", results, (result) => result.milliseconds, showTime),
    chart("Peak memory", results, (result) => result.peakBytes, showBytes),
  ].map((drawing) => `\n${drawing}\n`).join("");
}

function chart(
  title: string,
  results: readonly Result[],
  valueOf: (result: Result) => number,
  show: (value: number) => string,
): string {
  const width = Math.max(...results.map((result) => nameOf(result).length));
  const bars = results.map((result) => ({ label: nameOf(result).padEnd(width), value: valueOf(result) }));
  const drawing = new Chartscii(bars, {
    width: CHART_WIDTH,
    barSize: 1,
    padding: 0,
    structure: { x: "", y: "", axis: "", topLeft: "", bottomLeft: "" },
  }).create();
  // The library prints values as bare numbers, so we append values with units ourselves.
  const lines = stripVTControlCharacters(drawing).split("\n").filter((line) => line.trim() !== "");
  return [title, ...lines.map((line, k) => `  ${line.trimEnd()} ${show(bars[k]!.value)}`)].join("\n");
}

function emphasize(text: string): string {
  return useColours() ? styleText("bold", text, { validateStream: false }) : text;
}

/** On Deno, reading the variable would need a permission. */
function useColours(): boolean {
  const refused = "Deno" in globalThis ? Deno.noColor : (process.env["NO_COLOR"] ?? "") !== "";
  return process.stdout.isTTY === true && !refused;
}
