import { chart, CHART_HEIGHT } from "./chart.ts";
import type { Element } from "./elements.ts";
import { drawGrid, gridOf } from "./grid.ts";
import type { PoolHistory } from "./history.ts";
import { drawLegend, legendHeight } from "./legend.ts";
import { serialize } from "./serialize.ts";
import { PICTURE_STYLE } from "./style.ts";
import { type Inspectable, type PoolSurvey, surveyPool } from "./survey.ts";
import { countsOf, headingOf, shareInWords } from "./words.ts";

/** Options of {@linkcode mapAsSvg}. */
export interface SvgOptions {
  /**
   * Maximum number of squares in the map, from 1 to 16,384. Ignored for a survey, which has its cells.
   *
   * @default {1024}
   */
  readonly cells?: number;
  /**
   * Whether colours stand for workers, or for the layouts of records in a checked pool. Ignored for a survey.
   *
   * @default {"worker"}
   */
  readonly by?: "worker" | "layout";
  /** Earlier surveys. With two or more, a chart is drawn below the map. */
  readonly history?: PoolHistory;
}

/**
 * Draws a map of a pool as an SVG document that needs no other file and suits light and dark surroundings. Each square
 * is an equal part of the pool, filled from the bottom in its owner's colour: first the allocated bytes, then, narrower
 * and lighter, the cached bytes. A dashed frame marks the longest free run.
 *
 * The time is that of {@linkcode surveyPool} plus time proportional to the number of squares. Any worker may draw a
 * pool that it has made or attached.
 *
 * @param pool A pool, or a survey of one.
 * @param options Number of squares, and the history for a chart.
 * @returns An SVG document. Its length grows with the number of squares, owners and samples, not with the pool.
 * @throws {TypeError} `cells` is not a number.
 * @throws {RangeError} `cells` is not a whole number within its bounds.
 * @throws {MemPoolError} "destroyed", "closed" or "lock-timeout", as `stats()` does; "unsupported" for a map by layout of a
 * pool that is not checked.
 * @example Draw a picture
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { MemPool } from "mempool";
 * import { mapAsSvg } from "mempool/inspect";
 *
 * using pool = MemPool.init(1024, 64);
 * const picture = mapAsSvg(pool); // a program may write it to a file
 * assertStringIncludes(picture, "<title>Pool of 1 KiB: 16 blocks of 64 bytes</title>");
 * ```
 */
export function mapAsSvg(pool: Inspectable | PoolSurvey, options: SvgOptions = {}): string {
  const survey = "cells" in pool ? pool : surveyPool(pool, options);
  return serialize(drawMap(survey, options.history, true));
}

/**
 * The same picture without its style sheet. The page has the rules in a file, because its policy forbids inline styles.
 */
export function pictureFor(survey: PoolSurvey, history: PoolHistory): string {
  return serialize(drawMap(survey, history, false));
}

const WIDTH = 720;
const MARGIN = 16;
const INNER = WIDTH - 2 * MARGIN;
const HEAD = 84;
const GAP = 24;

function drawMap(survey: PoolSurvey, history: PoolHistory | undefined, styled: boolean): Element {
  const samples = history?.samples() ?? [];
  const grid = gridOf(survey, INNER);
  const legendAt = HEAD + grid.height + GAP;
  const chartAt = legendAt + legendHeight(survey) + GAP;
  const height = (samples.length > 1 ? chartAt + CHART_HEIGHT : chartAt - GAP) + MARGIN;
  return [
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      class: "mempool-map",
      role: "img",
      viewBox: `0 0 ${WIDTH} ${height}`,
      width: WIDTH,
      height,
    },
    ["title", {}, headingOf(survey)],
    ["desc", {}, describe(survey)],
    styled ? ["style", {}, PICTURE_STYLE] : null,
    ["rect", { class: "ground", width: WIDTH, height }],
    drawHead(survey),
    ["g", { transform: `translate(${MARGIN} ${HEAD})` }, ...drawGrid(survey, grid)],
    ["g", { transform: `translate(${MARGIN} ${legendAt})` }, ...drawLegend(survey, INNER)],
    samples.length > 1 ? ["g", { transform: `translate(${MARGIN} ${chartAt})` }, ...chart(samples, INNER)] : null,
  ];
}

/** Describes the picture for readers who cannot see it. */
function describe(survey: PoolSurvey): string {
  const owners = survey.owners.map((share) => shareInWords(share, survey));
  return [headingOf(survey), ...countsOf(survey), ...owners].join(". ");
}

function drawHead(survey: PoolSurvey): Element {
  const [states, shape] = countsOf(survey);
  return [
    "g",
    { transform: `translate(${MARGIN} 0)` },
    ["text", { class: "heading", y: 30 }, headingOf(survey)],
    ["text", { y: 52 }, states],
    ["text", { y: 70 }, shape],
  ];
}
