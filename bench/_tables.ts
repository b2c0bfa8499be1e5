/** Writes figures as aligned Markdown tables, for a terminal and for docs/benchmarks.md. */

import type { Report, Table, Verdict } from "./_types.ts";

/** Writes three digits, because the rest is noise. */
export function writeNumber(value: number): string {
  const rounded = Number(value.toPrecision(3));
  const digits = rounded === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))));
  return rounded.toLocaleString("en-US", { minimumFractionDigits: Math.min(digits, 2), maximumFractionDigits: digits });
}

export function writeTable({ title, rows, note }: Table, level: string): string {
  const percentiles = rows.some((row) => row.p50 !== undefined);
  const ratios = rows.some((row) => row.ratio !== undefined);
  const head = ["", rows[0]!.unit, ...(percentiles ? ["p50", "p99"] : []), ...(ratios ? ["ratio to"] : [])];
  const lines = rows.map(({ name, mean, p50, p99, ratio, to }) => [
    name,
    writeNumber(mean),
    ...(percentiles ? [p50, p99].map((value) => value === undefined ? "" : writeNumber(value)) : []),
    ...(ratios ? [ratio === undefined ? "" : `${writeNumber(ratio)} × ${to}`] : []),
  ]);
  const alignment = head.map((name) => name === "" || name === "ratio to" ? "left" : "right");
  return `${level} ${title}\n\n${grid([head, ...lines], alignment)}${note === undefined ? "" : `\n${note}\n`}`;
}

export function writeTargets(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ what, target, measured, verdict }) => [what, target, measured, verdict]);
  return grid([["what", "target", "measured", ""], ...lines], ["left", "left", "left", "left"]);
}

/**
 * Writes one line for each target, with columns for each runtime. Older reports may lack some targets and have others.
 */
export function writeTargetsOf(reports: readonly Report[]): string {
  const head = ["what", ...reports.flatMap(({ runtime }) => [`target on ${runtime}`, "measured", ""])];
  const all = new Set(reports.flatMap(({ targets }) => targets.map(({ what }) => what)));
  const lines = Array.from(all, (what) => [
    what,
    ...reports.flatMap(({ targets }) => {
      const { target = "", measured = "", verdict = "not measured" } = targets.find((each) => each.what === what) ?? {};
      return [target, measured, verdict === "reached" ? verdict : `**${verdict}**`];
    }),
  ]);
  return grid([head, ...lines], head.map(() => "left"));
}

/** Writes what earlier reports measured for their targets, beside what newer ones of the same runtimes measured. */
export function writeProgress(earlier: readonly Report[], newer: readonly Report[]): string {
  const head = ["what", ...earlier.flatMap(({ runtime }) => [`${runtime}, before`, `${runtime}, now`])];
  const all = earlier[0]!.targets.filter(({ measured }) => measured !== "").map(({ what }) => what);
  const lines = all.map((what) => [
    what,
    ...earlier.flatMap(({ runtime, targets }) => {
      const now = newer.find((report) => report.runtime === runtime)?.targets ?? [];
      return [targets, now].map((verdicts) => verdicts.find((each) => each.what === what)?.measured ?? "");
    }),
  ]);
  return grid([head, ...lines], head.map((name) => name === "what" ? "left" : "right"));
}

/** A table in Markdown, whose first row is the head. */
export function grid(rows: readonly (readonly string[])[], alignment: readonly string[]): string {
  const widths = alignment.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const write = (row: readonly string[]): string => {
    const cells = row.map((cell, column) => {
      const width = widths[column]!;
      return alignment[column] === "right" ? cell.padStart(width) : cell.padEnd(width);
    });
    return `| ${cells.join(" | ")} |\n`;
  };
  const rule = alignment.map((side, column) => {
    const width = widths[column]!;
    return side === "right" ? `${"-".repeat(width - 1)}:` : "-".repeat(width);
  });
  const [head, ...lines] = rows;
  return [head!, rule, ...lines].map(write).join("");
}
