import type { Element } from "./elements.ts";
import { round } from "./grid.ts";
import type { HistorySample } from "./history.ts";
import { showShare } from "./numbers.ts";
import { spanOf } from "./words.ts";

const PLOT = 90;
const CAPTION = 22;
export const CHART_HEIGHT: number = PLOT + CAPTION;

/**
 * Draws how full the pool was as areas, and its fragmentation as a line. Both axes run from 0 to 100 %. Needs at least
 * two samples.
 */
export function chart(samples: readonly HistorySample[], width: number): Element[] {
  const begin = samples[0]!.time;
  const span = Math.max(samples.at(-1)!.time - begin, 1);
  const at = (sample: HistorySample, share: number): string =>
    `${round((sample.time - begin) / span * width)} ${round(CAPTION + PLOT - share * PLOT)}`;
  const allocated = (sample: HistorySample): number => share(sample.allocatedBlocks, sample);
  const used = (sample: HistorySample): number => share(sample.allocatedBlocks + sample.cachedBlocks, sample);

  const line = (shareOf: (sample: HistorySample) => number, order = samples): string =>
    order.map((sample) => at(sample, shareOf(sample))).join("L");
  const area = (from: (sample: HistorySample) => number, to: (sample: HistorySample) => number): string =>
    `M${line(from)}L${line(to, samples.toReversed())}z`;

  const fragmentation = `M${line((sample) => sample.fragmentation)}`;
  const last = samples.at(-1)!;
  return [
    caption(last, samples),
    ["path", { class: "in-use", d: area(() => 0, allocated) }, ["title", {}, "allocated"]],
    ["path", { class: "at-hand", d: area(allocated, used) }, ["title", {}, "cached"]],
    ["path", { class: "halo", d: fragmentation }],
    ["path", { class: "fragments", d: fragmentation }, ["title", {}, "fragmentation"]],
    ["rect", { class: "frame", y: CAPTION, width, height: PLOT }],
  ];
}

function share(blocks: number, { blockCount }: HistorySample): number {
  return blockCount === 0 ? 0 : blocks / blockCount;
}

function caption(last: HistorySample, samples: readonly HistorySample[]): Element {
  const full = showShare(share(last.allocatedBlocks + last.cachedBlocks, last));
  const words = `${spanOf(samples)}: allocated and cached blocks (areas), now ${full}; ` +
    `fragmentation (line), now ${showShare(last.fragmentation)}`;
  return ["text", { class: "faint", y: CAPTION - 9 }, words[0]!.toUpperCase() + words.slice(1)];
}
