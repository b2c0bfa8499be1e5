import process from "node:process";
import { styleText } from "node:util";
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
  NOBODY,
  scaleOf,
  shareInWords,
  spanOf,
  stateOfCell,
} from "./words.ts";

/** How to write a map as text. */
export interface TextOptions {
  /**
   * The most characters that stand for a part of the pool, from 1 to 16,384.
   *
   * @default {1024}
   */
  readonly cells?: number;
  /** Characters in a row, from 1 to 512. Unless given, 16 to 64, by how many there are. */
  readonly columns?: number;
  /**
   * Whether to colour owners. Unless given, where standard output is a terminal and the variable `NO_COLOR` is not set.
   * Owners have letters too, so that nothing depends on colours.
   */
  readonly colours?: boolean;
  /** What came before, for two curves below the map. */
  readonly history?: PoolHistory;
}

/**
 * A map of the pool for a terminal. Each character is an equal part of the pool: a capital letter where most of it is
 * allocated, a small one where most of it is cached, by the worker of that letter; `#` and `+` are that by no worker, `·`
 * is free, and `─` free in the longest free run.
 *
 * @param pool A pool, or a survey of one.
 * @throws {MemPoolError} "destroyed", "closed" or "lock-timeout", as `stats()`.
 * @example A pool in pieces
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

/** One character of the map, and what decides its colour. */
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
    return { character, state, owner: isFree ? NOBODY : cell.owner };
  });
}

/** Neighbours of one colour share its codes. */
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

function ownerLine(share: PoolSurvey["owners"][number], { stats }: PoolSurvey, paint: Paint): string {
  const state = share.allocatedBytes > 0 ? "allocated" : "cached";
  return `${paint(letterOf(share.owner, state), state, share.owner)}  ${shareInWords(share, stats.blockSize)}`;
}

/** A column takes the samples of an equal part of the list, and shows the last of them. */
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

/** 0 has a character of its own, or a little could not be told from nothing. */
function bar(share: number): string {
  return share > 0 ? BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))]! : " ";
}

type Style = Parameters<typeof styleText>[0];

/** Colours that differ in lightness too, and are told apart by most who are colour-blind; the letters by all. */
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
  const style = owner === NOBODY ? "dim" : state === "allocated" ? allocated : cached;
  return styleText(style, text, { validateStream: false });
};

/** `styleText` would ask for more of the environment than a program may have been permitted to read. */
function hasColours(): boolean {
  return process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}
