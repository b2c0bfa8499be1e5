import process from "node:process";
// As a whole, because the oldest versions of Node, whose error comes with the first call, have no `styleText` to import.
import * as util from "node:util";
import type { HistorySample, PoolHistory } from "./history.ts";
import { numberWithin, showBytes } from "./numbers.ts";
import { type Inspectable, type PoolSurvey, surveyPool } from "./survey.ts";
import {
  type CellState,
  columnsFor,
  countsOf,
  headingOf,
  letterOf,
  longestFreeCells,
  NO_WORKER,
  scaleOf,
  shareInWords,
  spanOf,
  stateOfCell,
} from "./words.ts";

/** Options of {@linkcode mapAsText}. */
export interface TextOptions {
  /**
   * Maximum number of characters in the map, from 1 to 16,384. Ignored for a survey, which has its cells.
   *
   * @default {1024}
   */
  readonly cells?: number;
  /** Number of characters in a row, from 1 to 512. By default 16, 32 or 64, depending on the number of characters. */
  readonly columns?: number;
  /**
   * Whether owners have colours. By default they do if standard output is a terminal and the environment variable
   * `NO_COLOR` is unset or empty. Owners also have letters, so the map can be read without colours.
   */
  readonly colours?: boolean;
  /**
   * Whether colours and letters stand for workers, or for the layouts of records in a checked pool. Ignored for a survey.
   *
   * @default {"worker"}
   */
  readonly by?: "worker" | "layout";
  /** Earlier surveys. With two or more, two curves are drawn below the map. */
  readonly history?: PoolHistory;
}

/**
 * Draws a map of a pool as text for a terminal. Each character is an equal part of the pool and shows the state of most
 * of its bytes:
 *
 * - a capital letter: allocated by the worker that the legend lists with this letter
 * - a small letter: cached by that worker
 * - `#` and `+`: allocated and cached, but by no worker
 * - `·`: free
 * - `─`: free, and in the longest free run
 *
 * The time is that of {@linkcode surveyPool} plus time proportional to the number of characters. Any worker may draw a
 * pool that it has made or attached.
 *
 * @param pool A pool, or a survey of one.
 * @param options Size of the map, colours, and the history for the curves.
 * @returns Several lines, without a line break at the end.
 * @throws {TypeError} `cells` or `columns` is not a number.
 * @throws {RangeError} `cells` or `columns` is not a whole number within its bounds.
 * @throws {MemPoolError} "destroyed", "closed" or "lock-timeout", as `stats()` does; "unsupported" for a map by layout of a
 * pool that is not checked.
 * @example Draw a fragmented pool
 * ```ts
 * import { MemPool } from "mempool";
 * import { mapAsText } from "mempool/inspect";
 *
 * using pool = MemPool.init(1280, 64, { cachedBlocks: 0 });
 * const blocks = pool.allocMany(6, 100)!;
 * pool.free(blocks[1]!);
 * const [heading, rows, legend] = mapAsText(pool, { colours: false }).split("\n\n");
 * console.log(heading);
 * // prints Pool of 1.25 KiB: 20 blocks of 64 bytes
 * // prints allocated 10 (50 %), cached 0 (0 %), free 10 (50 %)
 * // prints longest free run 8 blocks, fragmentation 20 %
 * console.log(rows);
 * // prints 0 bytes  AA··AAAAAAAA────
 * // prints   1 KiB  ────
 * console.log(legend);
 * // prints A  worker 1: 10 blocks allocated
 * // prints one character is 1 block; A allocated, a cached, · free, ─ the longest free run
 * ```
 */
export function mapAsText(pool: Inspectable | PoolSurvey, options: TextOptions = {}): string {
  const survey = "cells" in pool ? pool : surveyPool(pool, options);
  const columns = numberWithin("columns", options.columns, columnsFor(survey.cells.length), 1, 512);
  const paint = options.colours ?? hasColours() ? colourfully : plainly;
  const samples = options.history?.samples() ?? [];
  return [
    headingOf(survey),
    ...countsOf(survey),
    "",
    ...rowsOf(survey, columns, paint),
    "",
    ...survey.owners.map((share) => ownerLine(share, survey, paint)),
    `one character is ${scaleOf(survey)}; A allocated, a cached, ${FREE} free, ${LONGEST} the longest free run`,
    ...(samples.length > 1 ? ["", ...curves(samples, columns)] : []),
  ].join("\n");
}

const FREE = "·";
const LONGEST = "─";

type Paint = (text: string, state: CellState, owner: number) => string;

/** One character of the map, with the state and the owner that determine its colour. */
interface Mark {
  readonly character: string;
  readonly state: CellState;
  readonly owner: number;
}

function rowsOf(survey: PoolSurvey, columns: number, paint: Paint): string[] {
  const { cells } = survey;
  const marks = marksOf(survey);
  const starts = Array.from({ length: Math.ceil(cells.length / columns) }, (_, row) => row * columns);
  const labels = starts.map((start) => showBytes(cells[start]!.offset));
  const width = Math.max(...labels.map((label) => label.length));
  return starts.map((start, row) => {
    return `${labels[row]!.padStart(width)}  ${paintRow(marks.slice(start, start + columns), paint)}`;
  });
}

function marksOf(survey: PoolSurvey): Mark[] {
  const [first, last] = longestFreeCells(survey) ?? [Infinity, -1];
  return survey.cells.map((cell, index): Mark => {
    const state = stateOfCell(cell);
    const isFree = state === "free";
    const character = !isFree ? letterOf(cell.owner, state) : index >= first && index <= last ? LONGEST : FREE;
    return { character, state, owner: isFree ? NO_WORKER : cell.owner };
  });
}

/** Writes the escape codes of a colour once for adjacent characters of that colour. */
function paintRow(marks: readonly Mark[], paint: Paint): string {
  let row = "";
  for (let from = 0, to = 0; from < marks.length; from = to) {
    const { state, owner } = marks[from]!;
    let text = "";
    for (; marks[to]?.state === state && marks[to]?.owner === owner; to++) text += marks[to]!.character;
    row += paint(text, state, owner);
  }
  return row;
}

function ownerLine(share: PoolSurvey["owners"][number], survey: PoolSurvey, paint: Paint): string {
  const state = share.allocatedBytes > 0 ? "allocated" : "cached";
  return `${paint(letterOf(share.owner, state), state, share.owner)}  ${shareInWords(share, survey)}`;
}

/** Each column stands for an equal part of the samples and shows the last sample of that part. */
function curves(samples: readonly HistorySample[], columns: number): string[] {
  const width = Math.min(columns, samples.length);
  const shown = Array.from(
    { length: width },
    (_, column) => samples[Math.ceil((column + 1) * samples.length / width) - 1]!,
  );
  const curve = (valueOf: (sample: HistorySample) => number): string =>
    shown.map((sample) => bar(valueOf(sample))).join("");
  return [
    `allocated      ${curve(({ allocatedBlocks, blockCount }) => allocatedBlocks / blockCount)}  of all blocks, ${
      spanOf(samples)
    }`,
    `fragmentation  ${curve(({ fragmentation }) => fragmentation)}`,
  ];
}

const BARS = "▁▂▃▄▅▆▇█";

/** Only 0 is drawn as a space, so that a small share differs from none. */
function bar(share: number): string {
  return share > 0 ? BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))]! : " ";
}

type Style = Parameters<typeof util.styleText>[0];

/** The colours also differ in lightness, so that most colour-blind readers can tell them apart. */
const OWNERS: readonly [allocated: Style, cached: Style][] = [
  [["white", "bgBlue"], "blue"],
  [["black", "bgYellow"], "yellow"],
  [["black", "bgCyan"], "cyan"],
  [["white", "bgMagenta"], "magenta"],
  [["white", "bgRed"], "red"],
  [["black", "bgGreen"], "green"],
  [["black", "bgWhite"], "white"],
  [["white", "bgGray"], "gray"],
];

const plainly: Paint = (text) => text;

const colourfully: Paint = (text, state, owner) => {
  const [allocated, cached] = OWNERS[Math.max(owner - 1, 0) % OWNERS.length]!;
  const style = owner === NO_WORKER ? "dim" : state === "allocated" ? allocated : cached;
  return util.styleText(style, text, { validateStream: false });
};

/**
 * `styleText` could decide this itself, but it reads environment variables that Deno may not permit the program to
 * read.
 */
function hasColours(): boolean {
  return process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}
