/** Models a process that is stopped and continued, as job control, a debugger or a frozen container does. */

import { assertEquals } from "@std/assert";
import process from "node:process";
import { runChild } from "../support/child.ts";
import { skip, test } from "../support/harness.ts";

const stoppingTest = process.platform === "win32" ? skip("Windows has no signal that stops a process") : test;

stoppingTest("lockTimeout - the time in which the process is stopped does not count as waiting", async () => {
  assertEquals(
    await runChild(new URL("./_stopped_program.ts", import.meta.url), [], 60_000),
    "allocated at 0\n",
  );
});
