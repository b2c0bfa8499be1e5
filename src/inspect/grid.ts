import type { Attributes, Element } from "./elements.ts";
import { hueOf, isStriped } from "./style.ts";
import type { PoolSurvey, SurveyCell } from "./survey.ts";
import { columnsFor, longestFreeCells, scaleOf, shareInWords } from "./words.ts";

export interface Grid {
  readonly columns: number;
  /** Distance from one square to the next. */
  readonly step: number;
  /** Length of a square's side. */
  readonly side: number;
  readonly height: number;
}

const MAX_STEP = 22;

export function gridOf({ cells }: PoolSurvey, width: number): Grid {
  const columns = columnsFor(cells.length);
  const step = Math.min(MAX_STEP, width / columns);
  return { columns, step, side: step * 0.86, height: Math.ceil(cells.length / columns) * step };
}

/**
 * Draws all squares that look alike as one path, so that the number of elements does not grow with the number of
 * squares.
 */
export function drawGrid(survey: PoolSurvey, grid: Grid): Element[] {
  const { cells, owners } = survey;
  const free = cells.map((_, index) => square(grid, index, 0, 1)).join("");
  return [
    ["path", { class: "free", d: free }, ["title", {}, `free; a square is ${scaleOf(survey)}`]],
    ...owners.flatMap((share): Element[] => {
      const { allocated, cached } = fillPaths(cells, share.owner, grid);
      const title: Element = ["title", {}, shareInWords(share, survey)];
      return [
        ...stripes(share.owner),
        ...(allocated === "" ? [] : [["path", { ...paintOf(share.owner), d: allocated }, title] as const]),
        ...(cached === "" ? [] : [["path", { class: "cached", ...paintOf(share.owner), d: cached }, title] as const]),
      ];
    }),
    ...frame(longestFreeCells(survey), grid),
  ];
}

/**
 * Share of a square's width that cached bytes fill. Lightness alone would not tell the cached bytes of a dark hue from
 * the allocated bytes of a light one.
 */
export const CACHED_WIDTH = 0.5;

/** The paths of one owner: allocated bytes fill a square from the bottom, cached bytes stand on top of them. */
function fillPaths(cells: readonly SurveyCell[], owner: number, grid: Grid): { allocated: string; cached: string } {
  let allocated = "";
  let cached = "";
  for (const [index, cell] of cells.entries()) {
    if (cell.owner !== owner) continue;
    const [first, second] = [cell.allocatedBytes / cell.byteLength, cell.cachedBytes / cell.byteLength];
    if (first > 0) allocated += square(grid, index, 0, first);
    if (second > 0) cached += square(grid, index, first, second, CACHED_WIDTH);
  }
  return { allocated, cached };
}

/**
 * Part of a square: `from` and `share` say where the part begins above the bottom and how high it is, and `wide` how
 * wide it is, all as shares of the side. The part is at least one unit high, so that it is visible.
 */
function square({ columns, step, side }: Grid, index: number, from: number, share: number, wide = 1): string {
  const [x, top] = [index % columns * step + side * (1 - wide) / 2, Math.floor(index / columns) * step];
  const height = Math.min(Math.max(share * side, 1), side);
  const y = Math.max(top + (1 - from) * side - height, top);
  const width = round(side * wide);
  return `M${round(x)} ${round(y)}h${width}v${round(height)}h-${width}z`;
}

export function round(length: number): number {
  return Math.round(length * 100) / 100;
}

export function paintOf(owner: number): Attributes {
  return { fill: isStriped(owner) ? `url(#mempool-owner-${owner})` : hueOf(owner) };
}

/** The pattern of an owner that shares its hue with an owner of a lower number. */
export function stripes(owner: number): Element[] {
  if (!isStriped(owner)) return [];
  const attributes = {
    id: `mempool-owner-${owner}`,
    width: 6,
    height: 6,
    patternUnits: "userSpaceOnUse",
    patternTransform: "rotate(45)",
  };
  return [[
    "pattern",
    attributes,
    ["rect", { width: 6, height: 6, fill: hueOf(owner) }],
    ["path", { class: "stripes", d: "M0 0v6" }],
  ]];
}

/** The outline of a range of cells, like the outline of selected text: it may start and end within a row. */
function frame(range: [first: number, last: number] | undefined, { columns, step, side }: Grid): Element[] {
  if (range === undefined) return [];
  const [first, last] = range;
  const [top, bottom] = [Math.floor(first / columns), Math.floor(last / columns)];
  const gap = (step - side) / 2;
  const left = (cell: number): number => round(cell % columns * step - gap);
  const right = (cell: number): number => round((cell % columns + 1) * step - gap);
  const line = (row: number): number => round(row * step - gap);
  if (top === bottom) return [outline(`M${left(first)} ${line(top)}H${right(last)}V${line(top + 1)}H${left(first)}z`)];
  const edge = round(columns * step - gap);
  // The parts in the two rows do not touch. Outlines that are open at the margins show that both belong to one range.
  if (bottom === top + 1 && first % columns > last % columns) {
    return [
      outline(
        `M${edge} ${line(top)}H${left(first)}V${line(top + 1)}H${edge}` +
          `M${round(-gap)} ${line(bottom)}H${right(last)}V${line(bottom + 1)}H${round(-gap)}`,
      ),
    ];
  }
  return [
    outline(
      `M${left(first)} ${line(top)}H${edge}V${line(bottom)}H${right(last)}V${line(bottom + 1)}` +
        `H${round(-gap)}V${line(top + 1)}H${left(first)}z`,
    ),
  ];
}

function outline(d: string): Element {
  return ["path", { class: "run", d }, ["title", {}, "the longest free run"]];
}
