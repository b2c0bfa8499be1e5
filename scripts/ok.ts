/** The gate before a commit: format, types, rooms and tests. Runs all of them, and fails if one of them fails. */

import process from "node:process";
import { onDeno, root, run } from "./_project.ts";

const permissions = ["--allow-read", "--allow-write", "--allow-run", "--allow-env"];
const gates = [["fmt.ts", "--check"], ["check.ts"], ["check_layers.ts"], ["test.ts"]];

const failed = gates.filter(([script = "", ...args]) => {
  console.log(`\n${script} ${args.join(" ")}`);
  return run(process.execPath, [...(onDeno ? ["run", ...permissions] : []), `${root}scripts/${script}`, ...args]) !== 0;
});

console.log(failed.length === 0 ? "\nok" : `\nnot ok: ${failed.map(([script]) => script).join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
