import { NO_WORKER } from "./words.ts";

/**
 * The style of pictures and page. The hues come from palettes for colour-blind readers (Okabe and Ito; Tol). From the
 * ninth owner on, hues repeat, with stripes. States differ in shape and in lightness. A reader who cannot tell two hues
 * apart can point at a square, which names its owner in a tooltip, or use the map as text, in which owners have
 * letters.
 *
 * @module
 */

const HUES = ["#0072b2", "#d55e00", "#009e73", "#aa3377", "#e69f00", "#56b4e9", "#999933", "#cc79a7"] as const;
const NO_WORKER_HUE = "#888888";

export function hueOf(owner: number): string {
  return owner === NO_WORKER ? NO_WORKER_HUE : HUES[(owner - 1) % HUES.length]!;
}

/** Whether an owner of a lower number has the same hue. */
export function isStriped(owner: number): boolean {
  return owner > HUES.length;
}

/** Every rule is limited to `.mempool-map`, because the picture may become part of a document with other styles. */
export const PICTURE_STYLE = `
.mempool-map { color-scheme: light dark; font: 13px system-ui, sans-serif; background: var(--ground);
  --ground: #ffffff; --ink: #1b1f24; --faint: #59636e; --free: #e4e8ec; --run: #1b1f24; }
@media (prefers-color-scheme: dark) {
  .mempool-map { --ground: #0f1216; --ink: #eef1f4; --faint: #9aa5b1; --free: #2b323a; --run: #ffffff; }
}
.mempool-map text { fill: var(--ink); }
.mempool-map .heading { font-size: 16px; font-weight: 600; }
.mempool-map .faint { fill: var(--faint); }
.mempool-map .ground { fill: var(--ground); }
.mempool-map .free { fill: var(--free); }
.mempool-map .cached { fill-opacity: 0.7; }
.mempool-map .stripes { stroke: var(--ground); stroke-width: 2; }
.mempool-map .run { fill: none; stroke: var(--run); stroke-width: 1.5; stroke-dasharray: 5 3; }
.mempool-map .in-use { fill: var(--ink); fill-opacity: 0.75; }
.mempool-map .at-hand { fill: var(--ink); fill-opacity: 0.35; }
.mempool-map .fragments { fill: none; stroke: #d55e00; stroke-width: 2; }
.mempool-map .halo { fill: none; stroke: var(--ground); stroke-width: 5; }
.mempool-map .frame { fill: none; stroke: var(--faint); stroke-width: 0.5; }
`;
