/**
 * Maps of a pool: as text for a terminal, as SVG, and as a page that is served on this machine and updates while the
 * program runs. This is a separate entry point: a program that does not import it does not load it. It needs no other
 * package.
 *
 * @example Print a map in the terminal
 * ```ts
 * import { MemPool } from "mempool";
 * import { mapAsText } from "mempool/inspect";
 *
 * using pool = MemPool.init(64 * 1024, 256);
 * pool.alloc(1000);
 * console.log(mapAsText(pool));
 * ```
 *
 * @module
 */

export { type HistorySample, PoolHistory } from "./history.ts";
export { type PageOptions, type PoolPage, servePage } from "./server.ts";
export {
  type Inspectable,
  type OwnerShare,
  type PoolSurvey,
  type SurveyCell,
  type SurveyOptions,
  surveyPool,
} from "./survey.ts";
export { mapAsSvg, type SvgOptions } from "./svg.ts";
export { mapAsText, type TextOptions } from "./text.ts";
