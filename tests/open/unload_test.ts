/** When Deno's main module unloads, the pools that it has made with `init` are destroyed. */

import { assertEquals } from "@std/assert";
import { onDeno } from "../../scripts/_project.ts";
import { runChild } from "../support/child.ts";
import { skip, test } from "../support/harness.ts";

/** A run that takes longer than this hangs. Milliseconds. */
const PATIENCE = 60_000;

const testUnload = onDeno ? test : skip("only Deno tells a program that its main module ends");

for (const how of ["return", "exit"]) {
  testUnload(`unload - destroys the pools of init, in use or not, and no others, after ${how}`, async () => {
    const printed = await runChild(new URL("./_unload_program.ts", import.meta.url), [how], PATIENCE);
    assertEquals(JSON.parse(printed), [true, true, true, false, false]);
  });
}
