/** The data that the parts of the benchmarks exchange. All of it is fit for JSON. */

export type GroupName =
  | "pairs"
  | "live"
  | "bursts"
  | "runs"
  | "records"
  | "first"
  | "workers"
  | "full"
  | "init"
  | "memory"
  | "peer"
  | "puzzle";

/** The groups in the order in which they run. */
export const GROUPS: readonly GroupName[] = [
  "pairs",
  "live",
  "bursts",
  "runs",
  "records",
  "first",
  "workers",
  "full",
  "init",
  "memory",
  "peer",
  "puzzle",
];

export interface Settings {
  /** Runs everything once and briefly: a check that it works, not a measurement. */
  readonly quick: boolean;
  /** How many turns each contender has. The figures are medians over the rounds. */
  readonly rounds: number;
}

/** One line of a table. */
export interface Row {
  readonly name: string;
  readonly unit: "ns" | "ms" | "s" | "M/s" | "MiB" | "bytes" | "buffers";
  /** The median of this contender's means over the rounds. The percentiles are medians too. */
  readonly mean: number;
  readonly p50?: number;
  readonly p99?: number;
  /** The median over the rounds of this contender's mean divided by that of the control. */
  readonly ratio?: number;
  /** The name of the control, which is another row. */
  readonly to?: string;
  /** For figures: the line that the row belongs to, and its number of blocks or workers. */
  readonly series?: string;
  readonly at?: number;
}

export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
  /** What else a reader has to know about the figures. */
  readonly note?: string;
}

/** The report of the process of one group. */
export interface GroupResult {
  readonly tables: readonly Table[];
  /** The figures for the targets, under the names that _targets.ts uses. */
  readonly measured: Readonly<Record<string, number>>;
  /** Why the group could not run. */
  readonly skipped?: string;
}

/** The type of `run`, which the module of each group exports. */
export type RunGroup = (settings: Settings) => Promise<GroupResult>;

export type RuntimeName = "Deno" | "Bun" | "Node";

/** The verdict on one target of _targets.ts. */
export interface Verdict {
  readonly what: string;
  /** For example "at most 2.6 ×". */
  readonly target: string;
  /** The measured figures, rounded. Empty if there are none. */
  readonly measured: string;
  readonly verdict: "reached" | "not reached" | "not measured";
}

/** What `--json` writes. */
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
