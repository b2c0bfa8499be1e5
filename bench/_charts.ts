/** The two kinds of charts, as specifications for Vega-Lite. */

import type { TopLevelSpec } from "vega-lite";

export interface Datum {
  readonly runtime: string;
  readonly name: string;
  readonly mean: number;
  readonly label: string;
  /** Whether this is the pool, which is drawn in another colour. */
  readonly ours: boolean;
  readonly series: string;
  readonly at: number;
}

const OURS = "#d1495b";
const OTHERS = "#8d99ae";
const CONTROL = "#cfd4dc";
const ANCHOR = "#2a9d8f";
const COLUMN = {
  field: "runtime",
  sort: ["Deno", "Bun", "Node"],
  title: null,
  header: { labelFontSize: 13, labelFontWeight: "bold" },
};
const CONFIG = {
  background: "white", // also on a dark page
  font: "sans-serif",
  padding: 10,
  title: { anchor: "start", fontSize: 14, offset: 12 },
  axis: { grid: true, gridColor: "#eeeeee", domainColor: "#999999", tickColor: "#999999", labelLimit: 300 },
  legend: { labelLimit: 300 },
  view: { stroke: null },
} as const;

/** A bar for each contender. */
export function bars(data: readonly Datum[], caption: string, axisFor = logarithmic): TopLevelSpec {
  const axis = axisFor(data.map(({ mean }) => mean));
  const y = { field: "name", type: "nominal", sort: null, title: null } as const;
  return {
    title: caption,
    config: CONFIG,
    data: { values: [...data] },
    facet: { column: COLUMN },
    spec: {
      width: 300,
      height: { step: 22 },
      layer: [
        {
          mark: { type: "bar", cornerRadiusEnd: 2 },
          encoding: {
            y,
            x: { field: "mean", type: "quantitative", title: null, ...axis },
            x2: { datum: axis.scale.domain[0]! },
            color: {
              field: "ours",
              type: "nominal",
              scale: { domain: [true, false], range: [OURS, OTHERS] },
              legend: null,
            },
          },
        },
        {
          mark: { type: "text", align: "left", dx: 4, fontSize: 11 },
          encoding: { y, x: { field: "mean", type: "quantitative" }, text: { field: "label" } },
        },
      ],
    },
  } as TopLevelSpec;
}

interface Axis {
  readonly scale: { readonly type: "log" | "linear"; readonly domain: readonly [number, number] };
  readonly axis: Readonly<Record<string, unknown>>;
}

/** A scale and an axis with ticks at the powers of ten. The high end leaves room for a label. */
function logarithmic(values: readonly number[]): Axis {
  const [lowest, highest] = [Math.floor(Math.log10(Math.min(...values))), Math.log10(Math.max(...values))];
  const powers = Array.from({ length: Math.floor(highest + 0.5) - lowest + 1 }, (_, index) => 10 ** (lowest + index));
  return {
    scale: { type: "log", domain: [powers[0]!, 10 ** (highest + 0.5)] },
    axis: { values: powers, format: "~s" },
  };
}

export function linear(values: readonly number[]): Axis {
  return { scale: { type: "linear", domain: [0, 1.2 * Math.max(...values)] }, axis: { tickCount: 5 } };
}

/** A line for each series. */
export function lines(
  data: readonly Datum[],
  caption: string,
  across: string,
  unit: string,
  scale: "log" | "linear",
): TopLevelSpec {
  const seriesOf = (side: boolean): string[] => {
    return [...new Set(data.filter(({ ours }) => ours === side).map(({ series }) => series))];
  };
  const x = scale === "log"
    ? { type: "quantitative", ...logarithmic(data.map(({ at }) => at)) }
    : { type: "ordinal", axis: { labelAngle: 0 } };
  const y = scale === "log" ? logarithmic(data.map(({ mean }) => mean)) : {};
  return {
    title: caption,
    config: CONFIG,
    data: { values: [...data] },
    facet: { column: COLUMN },
    spec: {
      width: 300,
      height: 220,
      mark: { type: "line", point: { size: 45 }, strokeWidth: 2 },
      encoding: {
        x: { field: "at", title: across, ...x },
        y: { field: "mean", type: "quantitative", title: unit, ...y },
        color: {
          field: "series",
          type: "nominal",
          title: null,
          scale: { domain: [...seriesOf(true), ...seriesOf(false)], range: [OURS, OTHERS, CONTROL, ANCHOR] },
          legend: { orient: "bottom" },
        },
      },
    },
  } as TopLevelSpec;
}
