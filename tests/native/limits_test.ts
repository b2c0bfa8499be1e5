/** A limit on the data of a process (`ulimit -d`): a growable pool counts with its present size, not with `maxSize`. */

import { assertEquals } from "@std/assert";
import { runChild } from "../support/child.ts";
import { needs } from "../support/programs.ts";
import type { LimitsReport } from "./_limits_program.ts";

needs("prlimit")("maxSize - may exceed the limit on data; only the present size counts", async () => {
  const report = JSON.parse(
    await runChild(new URL("./_limits_program.ts", import.meta.url), [], 60_000),
  ) as LimitsReport;
  assertEquals(report, {
    grown: Array.from({ length: 12 }, () => true),
    beyond: { offset: -1, works: true },
    tooLarge: "map-failed",
  });
});
