import { type Inspection, levelsLeft } from "../runtime/console.ts";

/** What `recordSummaryOf` needs of a layout. */
interface Layout {
  readonly name: string;
  readonly byteLength: number;
  readonly fields: Readonly<Record<string, { readonly type: string; readonly length: number }>>;
}

/**
 * The records of a layout in one line, with colours if the console has them. `count` is how many are allocated, undefined
 * for an object that has left its pool.
 */
export function recordSummaryOf(
  { layout, count }: { readonly layout: Layout; readonly count: number | undefined },
  levels: unknown,
  inspection: Inspection = {},
): string {
  const style = (text: string, kind: string): string => inspection.stylize?.(text, kind) ?? text;
  if (levelsLeft(levels, inspection) < 0) return style("[Records]", "special");
  const fields = Object.entries(layout.fields).map(([name, { type, length }]) => {
    return `${name}: ${style(length === 1 ? type : `${type}[${length}]`, "string")}`;
  });
  const live = count === undefined ? style("closed", "special") : `live: ${style(String(count), "number")}`;
  const bytes = `bytes: ${style(String(layout.byteLength), "number")}`;
  return `Records ${layout.name} { ${bytes}, ${live}, fields: { ${fields.join(", ")} } }`;
}
