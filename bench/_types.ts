/** What the parts of the benchmarks tell each other. All of it goes through JSON. */

export type GroupName =
  | "pairs"
  | "live"
  | "runs"
  | "first"
  | "workers"
  | "full"
  | "init"
  | "memory"
  | "peer"
  | "puzzle";

/** In the order in which they run. */
export const GROUPS: readonly GroupName[] = [
  "pairs",
  "live",
  "runs",
  "first",
  "workers",
  "full",
  "init",
  "memory",
  "peer",
  "puzzle",
];

export interface Settings {
  /** Everything once, short: shows that it runs, measures nothing. */
  readonly quick: boolean;
  /** How often each contender has its turn. Figures are medians over the rounds. */
  readonly rounds: number;
}

/** One line of a table. */
export interface Row {
  readonly name: string;
  readonly unit: "ns" | "ms" | "s" | "M/s" | "MiB" | "bytes" | "buffers";
  /** The median over the rounds of what this took, or of what else `unit` says; so are the percentiles. */
  readonly mean: number;
  readonly p50?: number;
  readonly p99?: number;
  /** The median over the rounds of this one's mean by the control's in the same round. */
  readonly ratio?: number;
  /** The control: the name of another row. */
  readonly to?: string;
  /** Where a figure puts the row: its line, and how many blocks or workers it is for. */
  readonly series?: string;
  readonly at?: number;
}

export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
  /** What a reader must know to believe the figures. */
  readonly note?: string;
}

/** What a group's process reports. */
export interface GroupResult {
  readonly tables: readonly Table[];
  /** The figures that targets are judged by, under the names that _targets.ts uses. */
  readonly measured: Readonly<Record<string, number>>;
  /** Why the group could not run. */
  readonly skipped?: string;
}

/** The module of each group exports `run` of this type. */
export type RunGroup = (settings: Settings) => Promise<GroupResult>;

export type RuntimeName = "Deno" | "Bun";

/** Whether a target of _targets.ts is reached. */
export interface Verdict {
  readonly what: string;
  /** As in "at most 2.6 ×". */
  readonly target: string;
  /** The measured figures, rounded; empty when there is none. */
  readonly measured: string;
  readonly verdict: "reached" | "not reached" | "not measured";
}

/** The whole of `--json`. */
export interface Report {
  readonly runtime: RuntimeName;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: Readonly<Record<string, string>>;
  readonly date: string;
  readonly command: string;
  readonly quick: boolean;
  readonly rounds: number;
  readonly groups: Readonly<Partial<Record<GroupName, GroupResult>>>;
  readonly targets: readonly Verdict[];
}
