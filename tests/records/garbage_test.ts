/** Wrong references and indexes in pools that are not checked: they neither fault nor reach the bookkeeping. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { importMapFlags } from "../../scripts/_std_assert.ts";
import { onDeno, root } from "../../scripts/_project.ts";
import { runChild } from "../support/child.ts";
import { test } from "../support/harness.ts";

const SITUATIONS = ["fixed", "growing", "not a power of two", "grown", "destroyed", "closed", "over two GiB"];
const REFUSAL = "--disallow-code-generation-from-strings";

for (const situation of [...SITUATIONS, ...(onDeno ? ["over 4 GiB"] : [])]) {
  for (const compiled of [true, false]) {
    const how = compiled ? "" : ", where code generation is refused";
    test(`garbage references - a pool that is ${situation} survives them${how}`, async () => {
      const standIn = pathToFileURL(join(root, "tests", "support", "assert.ts")).href;
      const refusal = compiled ? [] : [onDeno ? `--v8-flags=${REFUSAL}` : REFUSAL];
      const moreFlags = [...(onDeno ? importMapFlags(standIn) : []), ...refusal];
      const program = new URL("_garbage_program.ts", import.meta.url);
      assertEquals(await runChild(program, [situation], 120_000, { moreFlags, smallHeap: false }), "done\n");
    });
  }
}
