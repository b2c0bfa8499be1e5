/**
 * Compares the pool with the alternatives, and reports which targets are reached.
 *
 *     deno task bench [options]
 *     bun run bench [options]
 *     npm run bench -- [options]
 *
 * Each group of measurements runs in a process of its own. The head of its file says what it does and why the
 * comparison is fair; _measure.ts says how time is measured.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { installPackages, onDeno, runtime } from "../scripts/_project.ts";
import { keepReport, renderDocs } from "./_docs.ts";
import { describeMachine, listVersions } from "./_machine.ts";
import { runGroup } from "./_run_group.ts";
import { writeTable, writeTargets } from "./_tables.ts";
import { judge } from "./_targets.ts";
import { type GroupName, type GroupResult, GROUPS, type Report, type Settings } from "./_types.ts";

const DEFAULT_ROUNDS = 15;

const COMMANDS = { Deno: "deno task bench", Bun: "bun run bench", Node: "npm run bench --" };

const HELP = `Compares the pool with the alternatives. Options:
  --quick         run everything once and briefly: a check that it works, not a measurement
  --rounds n      turns of each contender; the figures are medians over them (default ${DEFAULT_ROUNDS})
  --only group    run this group only; may be given several times. The groups are
                  ${GROUPS.join(", ")}
  --json file     write all results as JSON
  --svg folder    draw the main figures
  --docs          record the results of this runtime, and write docs/benchmarks.md from those of all runtimes
  --render        write docs/benchmarks.md from the recorded results, without measuring
  --help          print this text
`;

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
  if (!onDeno) installPackages(); // Deno fetches them by itself
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
  if (settings.quick) console.log("This was a quick run, so its figures mean nothing.");
  return {
    runtime,
    versions: listVersions(),
    machine,
    date: new Date().toISOString().slice(0, 10),
    command: `${COMMANDS[runtime]} --rounds ${settings.rounds}`,
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
  if (unknown !== undefined) return `There is no group ${JSON.stringify(unknown)}: the groups are ${GROUPS.join(", ")}`;
  const rounds = Number(values.rounds ?? (values.quick ? 1 : DEFAULT_ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) {
    return `Cannot use --rounds ${values.rounds}: it must be a whole number from 1`;
  }
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
