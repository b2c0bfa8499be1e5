/** The programs of examples that the guide refers to, with the permissions that their comments name. */

import { assertEquals, assertMatch } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/_project.ts";
import { runProgram } from "./_example_program.ts";
import { test } from "../support/harness.ts";

test("examples/sizes/waste.ts - prints what the guide shows", async () => {
  const guide = readFileSync(join(root, "docs", "guide.md"), "utf8");
  const [, shown = ""] = /^```text\n(in blocks of [\s\S]*?)^```/m.exec(guide)!;
  assertEquals(await runProgram("examples/sizes/waste.ts"), shown);
});

test("examples/sizes/replacing.ts - measures the six cases of the guide", async () => {
  assertMatch(await runProgram("examples/sizes/replacing.ts"), /^(?:[a-z, ]+ \d+\n){6}$/);
});

test("examples/queue/main.ts - one worker gets what the other sends, and every block is free again", async () => {
  assertEquals(await runProgram("examples/queue/main.ts"), "[ 5000050000, 5000050000 ]\n0\n");
});

test("examples/backpressure/main.ts - every request is answered, from a quarter of the blocks", async () => {
  assertEquals(
    (await runProgram("examples/backpressure/main.ts")).replace(/up to \d+/, "up to N"),
    "500 of 500 requests answered rightly, up to N at once\n8 of 8 blocks in use at most, 0 in the end\n",
  );
});

test("examples/upload/main.ts - every upload is answered, and uploads that break off leave no block behind", async () => {
  assertEquals(
    await runProgram("examples/upload/main.ts"),
    "200 of 200 uploads hashed rightly, 20 broken off\n0 of 8 blocks in use in the end\n",
  );
});
