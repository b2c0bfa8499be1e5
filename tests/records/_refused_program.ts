/** Runs the tests of records where code from strings is refused, and prints how many passed. */

import { assertThrows } from "@std/assert";
import { CASES, runCase } from "./_access.ts";

assertThrows(() => new Function("return 1"), EvalError);
const names = Object.keys(CASES);
for (const name of names) {
  for (const checked of [false, true]) runCase(name, checked);
}
console.log(`${names.length} passed`);
