import { NOBODY } from "./words.ts";

/**
 * The look of pictures and page, as CSS. Hues are from palettes for the colour-blind (Okabe and Ito; Tol); from the ninth
 * owner on they come again, with stripes. States differ in shape and lightness. Who cannot tell two owners apart points at
 * a square, which then says whose it is, or has the map as text, where owners have letters.
 */

const HUES = ["#0072b2", "#d55e00", "#009e73", "#aa3377", "#e69f00", "#56b4e9", "#999933", "#cc79a7"] as const;
const NOBODYS_HUE = "#888888";

export function hueOf(owner: number): string {
  return owner === NOBODY ? NOBODYS_HUE : HUES[(owner - 1) % HUES.length]!;
}

/** Whether the hue is that of a worker before, too. */
export function isStriped(owner: number): boolean {
  return owner > HUES.length;
}

/** Only names of this library's own, because the page and a document may have others. */
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
