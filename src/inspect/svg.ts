import { chart, CHART_HEIGHT } from "./chart.ts";
import type { Element } from "./elements.ts";
import { drawGrid, gridOf } from "./grid.ts";
import type { PoolHistory } from "./history.ts";
import { drawLegend, legendHeight } from "./legend.ts";
import { serialize } from "./serialize.ts";
import { PICTURE_STYLE } from "./style.ts";
import { type Inspectable, type PoolSurvey, surveyPool } from "./survey.ts";
import { countsOf, headingOf, shareInWords } from "./words.ts";

/** How to draw a map as SVG. */
export interface SvgOptions {
  /**
   * The most squares that stand for a part of the pool, from 1 to 16,384.
   *
   * @default {1024}
   */
  readonly cells?: number;
  /** What came before, for a chart below the map. */
  readonly history?: PoolHistory;
}

/**
 * A map of the pool as a picture that stands by itself, for light and dark surroundings. Each square is an equal part of
 * the pool, filled from below in its owner's colour: with what is allocated, and above that, narrower and lighter, with what
 * is cached. The longest free run is framed.
 *
 * @param pool A pool, or a survey of one.
 * @returns An SVG document.
 * @throws {MemPoolError} "destroyed", "closed" or "lock-timeout", as `stats()`.
 * @example A picture to keep
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { MemPool } from "mempool";
 * import { mapAsSvg } from "mempool/inspect";
 *
 * using pool = MemPool.init(1024, 64);
 * const picture = mapAsSvg(pool); // to be written to a file
 * assertStringIncludes(picture, "<title>Pool of 1 KiB: 16 blocks of 64 bytes</title>");
 * ```
 */
export function mapAsSvg(pool: Inspectable | PoolSurvey, options: SvgOptions = {}): string {
  const survey = "cells" in pool ? pool : surveyPool(pool, options);
  return serialize(drawMap(survey, options.history, true));
}

/** The same without its style, which a page that forbids inline styles has of its own. */
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

/** For those who do not see the picture. */
function describe(survey: PoolSurvey): string {
  const owners = survey.owners.map((share) => shareInWords(share, survey.stats.blockSize));
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
