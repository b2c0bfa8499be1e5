/** Records in a program that may not compile code from strings. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { importMapFlags } from "../../scripts/_std_assert.ts";
import { onDeno, root } from "../../scripts/_project.ts";
import { runChild } from "../support/child.ts";
import { test } from "../support/harness.ts";
import { CASES } from "./_access.ts";

const REFUSAL = "--disallow-code-generation-from-strings";

test("records - pass the same tests where code generation is refused", async () => {
  const standIn = pathToFileURL(join(root, "tests", "support", "assert.ts")).href;
  const moreFlags = onDeno ? [...importMapFlags(standIn), `--v8-flags=${REFUSAL}`] : [REFUSAL];
  const program = new URL("_refused_program.ts", import.meta.url);
  const printed = await runChild(program, [], 120_000, { moreFlags, smallHeap: false });
  assertEquals(printed, `${Object.keys(CASES).length} passed\n`);
});
