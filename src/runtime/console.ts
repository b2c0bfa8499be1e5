/**
 * What the runtimes' inspectors, such as `console.log`, ask of an object and tell it.
 *
 * @module
 */

/** Methods of these names say what `console.log` prints: for Bun and node:util, and for Deno. */
export const INSPECTORS: readonly symbol[] = [
  Symbol.for("nodejs.util.inspect.custom"),
  Symbol.for("Deno.customInspect"),
];

/** What such a method is told: by Bun the levels left and the options, by Deno a function and the options. */
export interface Inspection {
  readonly depth?: number | null;
  readonly currentDepth?: number;
  stylize?(text: string, style: string): string;
}

/** How many levels below this one are to be shown; less than 0 where not even this one is. */
export function levelsLeft(levels: unknown, { depth, currentDepth = 0 }: Inspection): number {
  if (typeof levels === "number") return levels;
  return typeof depth === "number" ? depth - currentDepth : 0;
}
