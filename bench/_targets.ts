/**
 * The targets. Most are ratios within one run; `figure` is the name under which a group reports a figure. Those of Node are
 * those of Deno, which has the same engine.
 */

import type { GroupName, GroupResult, RuntimeName, Verdict } from "./_types.ts";
import { type Kind, KINDS } from "./_bursts_kinds.ts";
import { writeNumber } from "./_tables.ts";

interface Limit {
  readonly figure: string;
  readonly atMost?: number | ByRuntime;
  readonly atLeast?: number | ByRuntime;
}

type ByRuntime = Readonly<Record<RuntimeName, number>>;

interface Target {
  readonly group: GroupName;
  readonly what: string;
  /** All limits must hold, or any one of them if `any` is true. */
  readonly limits: readonly Limit[];
  readonly any?: boolean;
  /** The unit of the figures. Without it they are ratios. */
  readonly unit?: string;
}

const bursts = (tier: string, kind: Kind, most: string, atMost: number): Target => ({
  group: "bursts",
  what: `bursts, ${tier} tier, ${kind} of 1,000 to ${most}, the largest ratio to malloc and free`,
  limits: [{ figure: `bursts.${tier}.${kind}`, atMost }],
});

export const TARGETS: readonly Target[] = [
  {
    group: "pairs",
    what: "alloc(200) + free, ArrayBuffer tier, against malloc + free in C",
    limits: [{ figure: "pairs.buffer.native", atMost: 2.6 }],
  },
  {
    group: "pairs",
    what: "how many times faster than `new Uint8Array(256)`",
    limits: [{ figure: "pairs.buffer.uint8array", atLeast: { Deno: 25, Bun: 2.5, Node: 25 } }],
  },
  {
    group: "pairs",
    what: "how many times faster than `new ArrayBuffer(256)`",
    limits: [{ figure: "pairs.buffer.arraybuffer", atLeast: { Deno: 25, Bun: 10, Node: 25 } }],
  },
  {
    group: "pairs",
    what: "allocOffset(200) + freeOffset against malloc + free in C",
    limits: [{ figure: "pairs.offset.native", atMost: { Deno: 2.6, Bun: 1.7, Node: 2.6 } }],
  },
  {
    group: "live",
    what: "offset tier, 1,000,000 live against 1,000, or against malloc with as many",
    limits: [{ figure: "live.offset.growth", atMost: 4 }, { figure: "live.offset.native", atMost: 1 }],
    any: true,
  },
  {
    group: "live",
    what: "ArrayBuffer tier, 100,000 live, against malloc with as many",
    limits: [{ figure: "live.buffer.native", atMost: 3 }],
  },
  bursts("offset", "a random half", "1,000,000", 1),
  ...(["all in order", "all in reverse", "all shuffled"] as const).map((kind) => bursts("offset", kind, "100,000", 1)),
  ...(Object.keys(KINDS) as Kind[]).map((kind) => bursts("ArrayBuffer", kind, "10,000", 2.5)),
  {
    group: "runs",
    what: "runs of 2 to 64 blocks in a fragmented pool, 1,000,000 blocks against 1,000",
    limits: [{ figure: "runs.growth", atMost: 2 }],
  },
  {
    group: "records",
    what: "a walk over 100,000 records, get and set, then a cursor, against typed arrays by hand",
    limits: [{ figure: "records.get", atMost: 1.1 }, { figure: "records.cursor", atMost: 1.1 }],
  },
  {
    group: "records",
    what: "a walk over 100,000 records against plain objects, then over a million",
    limits: [{ figure: "records.objects", atMost: 1 }, { figure: "records.objects.most", atMost: 1 }],
  },
  {
    group: "records",
    what: "alloc + free of a record against allocOffset + freeOffset",
    limits: [{ figure: "records.pair", atMost: 1.1 }],
  },
  {
    group: "records",
    what: "three layouts in one function, get and set, then a cursor, against a function for each",
    limits: [{ figure: "records.layouts.get", atMost: 2 }, { figure: "records.layouts.cursor", atMost: 2 }],
  },
  {
    group: "records",
    what: "a list of 100,000 records, made, walked and dropped, against plain objects",
    limits: [{ figure: "records.list", atMost: 1 }],
  },
  {
    group: "first",
    what: "first allocation of a block in a worker against the runtime's making of the buffer",
    limits: [{ figure: "first.runtime", atMost: 1.3 }],
  },
  {
    group: "workers",
    what: "two workers, ping-pong both ways, against two that share nothing",
    limits: [{ figure: "workers.ping-pong", atLeast: 0.9 }],
  },
  {
    group: "workers",
    what: "two workers, one way, against two that share nothing",
    limits: [{ figure: "workers.one way", atLeast: 0.45 }],
  },
  {
    group: "workers",
    what: "two workers in bursts, against two that share nothing",
    limits: [{ figure: "workers.bursts", atLeast: 0.8 }],
  },
  {
    group: "full",
    what: "eight workers on a pool that is 99 % full, against one that is half full",
    limits: [{ figure: "full.most", atLeast: 0.4 }],
  },
  {
    group: "workers",
    what: "two workers, mixed load, against two that share nothing",
    limits: [{ figure: "workers.mixed", atLeast: 0.9 }],
  },
  {
    group: "init",
    what: "init of 4 GiB takes longer than of 4 MiB by",
    limits: [{ figure: "init.difference", atMost: 2 }],
    unit: "ms",
  },
  {
    group: "puzzle",
    what: "N-puzzle, ten million allocations: how many times faster than with lean objects",
    limits: [{ figure: "puzzle.lean.time", atLeast: 1.3 }],
  },
  {
    group: "puzzle",
    what: "N-puzzle, ten million allocations: how many times less memory than with lean objects",
    limits: [{ figure: "puzzle.lean.memory", atLeast: 1.3 }],
  },
  {
    group: "puzzle",
    what: "N-puzzle, ten million allocations: how many times faster than with objects as usual",
    limits: [{ figure: "puzzle.objects.time", atLeast: { Deno: 8, Bun: 2, Node: 8 } }],
  },
  {
    group: "puzzle",
    what: "N-puzzle, ten million allocations: how many times less memory than with objects as usual",
    limits: [{ figure: "puzzle.objects.memory", atLeast: { Deno: 6, Bun: 3, Node: 6 } }],
  },
  {
    group: "puzzle",
    what: "N-puzzle, ten million allocations: time, then memory, against offsets written by hand",
    limits: [{ figure: "puzzle.offsets.time", atMost: 1.05 }, { figure: "puzzle.offsets.memory", atMost: 1.05 }],
  },
  {
    group: "puzzle",
    what: "N-puzzle, ten million allocations: time against an arena written by hand",
    limits: [{ figure: "puzzle.arena.time", atMost: 1.2 }],
  },
  {
    group: "puzzle",
    what: "N-puzzle, ten million allocations: how many times faster with two workers than with one",
    limits: [{ figure: "puzzle.workers", atLeast: 1.4 }],
  },
  {
    group: "peer",
    what: "how many times faster than @thi.ng/malloc, FIFO and random at 1,000 live, then at 10,000",
    limits: ["fifo.1000", "random.1000", "fifo.10000", "random.10000"].map((name) => ({
      figure: `peer.${name}`,
      atLeast: 30,
    })),
  },
  {
    group: "peer",
    what: "how many times faster than @thi.ng/malloc, LIFO at 1,000 live, then at 10,000",
    limits: ["lifo.1000", "lifo.10000"].map((name) => ({ figure: `peer.${name}`, atLeast: 1 })),
  },
  {
    group: "memory",
    what: "metadata for a block",
    limits: [{ figure: "memory.metadata", atMost: 16 }],
    unit: "bytes",
  },
  {
    group: "memory",
    what: "ArrayBuffers kept against `cachedBuffers`",
    limits: [{ figure: "memory.kept", atMost: 1 }],
  },
];

export function judge(groups: Partial<Record<GroupName, GroupResult>>, runtime: RuntimeName): Verdict[] {
  return TARGETS.map(({ group, what, limits, any = false, unit = "×" }) => {
    const figures = limits.map(({ figure }) => groups[group]?.measured[figure] ?? undefined);
    const bounds = [...new Set(limits.map((limit) => writeLimit(limit, unit, runtime)))];
    const known = figures.filter((figure) => figure !== undefined);
    const held = limits.map((limit, index) => holds(limit, figures[index], runtime));
    const reached = any ? held.includes(true) : !held.includes(false);
    return {
      what,
      target: bounds.join(any ? " or " : ", "),
      measured: known.map((figure) => `${writeNumber(figure)} ${unit}`).join(", "),
      verdict: known.length < limits.length ? "not measured" : reached ? "reached" : "not reached",
    };
  });
}

/** Compares the figure as it is shown, which is with three digits. */
function holds({ atMost, atLeast }: Limit, figure = NaN, runtime: RuntimeName): boolean {
  const rounded = Number(figure.toPrecision(3));
  return rounded <= boundOf(atMost ?? Infinity, runtime) && rounded >= boundOf(atLeast ?? -Infinity, runtime);
}

function writeLimit({ atMost, atLeast }: Limit, unit: string, runtime: RuntimeName): string {
  const words = atMost !== undefined ? "at most" : "at least";
  return `${words} ${boundOf(atMost ?? atLeast!, runtime)} ${unit}`;
}

function boundOf(bound: number | ByRuntime, runtime: RuntimeName): number {
  return typeof bound === "number" ? bound : bound[runtime];
}
