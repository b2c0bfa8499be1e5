/**
 * How the runtimes' inspectors, such as `console.log`, ask an object for the text to print.
 *
 * @module
 */

/** The names of the methods that return the text: for Bun and node:util, and for Deno. */
export const INSPECTORS: readonly symbol[] = [
  Symbol.for("nodejs.util.inspect.custom"),
  Symbol.for("Deno.customInspect"),
];

/** The second argument of such a method. The first is the number of levels left on Bun, and a function on Deno. */
export interface Inspection {
  readonly depth?: number | null;
  readonly currentDepth?: number;
  stylize?(text: string, style: string): string;
}

/** The number of levels below this one to show. It is negative if not even this level is to be shown. */
export function levelsLeft(levels: unknown, { depth, currentDepth = 0 }: Inspection): number {
  if (typeof levels === "number") return levels;
  return typeof depth === "number" ? depth - currentDepth : 0;
}
