/**
 * Measures the pool against what else there is, and says which targets are reached.
 *
 *     deno task bench [options]
 *     bun run bench [options]
 *
 * Each group of measurements runs in a process of its own; see the head of its file for what it does and why that is
 * fair, and _measure.ts for how time is taken.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { installPackages } from "../scripts/_project.ts";
import { keepReport, renderDocs } from "./_docs.ts";
import { describeMachine, listVersions, runtime } from "./_machine.ts";
import { runGroup } from "./_run_group.ts";
import { writeTable, writeTargets } from "./_tables.ts";
import { judge } from "./_targets.ts";
import { type GroupName, type GroupResult, GROUPS, type Report, type Settings } from "./_types.ts";

const HELP = `Options:
  --quick         everything once, short: shows that it runs, measures nothing
  --rounds n      turns of each contender; figures are medians over them (default 15)
  --only group    ${GROUPS.join(", ")}; may be given several times
  --json file     writes everything as JSON
  --svg folder    draws the main figures
  --docs          keeps the results for this runtime, and writes docs/benchmarks.md from those of both
  --render        writes docs/benchmarks.md from the results kept, and measures nothing
  --help          this text
`;

const DEFAULT_ROUNDS = 15;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "string") {
    console.error(options);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  installPackages();
  if (options.render) {
    await renderDocs();
    return 0;
  }
  const report = measure(options.groups, options.settings);
  if (options.json !== undefined) writeJson(options.json, report);
  if (options.svg !== undefined) await (await import("./_figures.ts")).drawFigures([report], options.svg);
  if (options.docs) {
    keepReport(report);
    await renderDocs();
  }
  return 0;
}

function measure(names: readonly GroupName[], settings: Settings): Report {
  const machine = describeMachine();
  const groups: Partial<Record<GroupName, GroupResult>> = {};
  for (const name of names) groups[name] = showing(runGroup(name, settings), name);
  const targets = judge(groups, runtime);
  console.log(`# Targets on ${runtime}\n\n${writeTargets(targets)}`);
  if (settings.quick) console.log("This was a quick run: its figures mean nothing.");
  return {
    runtime,
    versions: listVersions(),
    machine,
    date: new Date().toISOString().slice(0, 10),
    command: `${runtime === "Deno" ? "deno task bench" : "bun run bench"} --rounds ${settings.rounds}`,
    ...settings,
    groups,
    targets,
  };
}

function showing(result: GroupResult, name: GroupName): GroupResult {
  console.log(`# ${name}\n`);
  if (result.skipped !== undefined) console.log(`Skipped: ${result.skipped}\n`);
  for (const table of result.tables) console.log(writeTable(table, "##"));
  return result;
}

function readOptions() {
  const { values } = parse();
  const only = values.only ?? [];
  const unknown = only.find((name) => !GROUPS.includes(name as GroupName));
  if (unknown !== undefined) return `There is no group ${JSON.stringify(unknown)}: they are ${GROUPS.join(", ")}`;
  const rounds = Number(values.rounds ?? (values.quick ? 1 : DEFAULT_ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) return `Cannot take ${values.rounds} rounds: a whole number is needed`;
  const groups = only.length === 0 ? GROUPS : GROUPS.filter((name) => only.includes(name));
  return { ...values, groups, settings: { quick: values.quick ?? false, rounds } };
}

function parse() {
  return parseArgs({
    options: {
      quick: { type: "boolean" },
      rounds: { type: "string" },
      only: { type: "string", multiple: true },
      json: { type: "string" },
      svg: { type: "string" },
      docs: { type: "boolean" },
      render: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
}

function writeJson(file: string, report: Report): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
