/** The programs of examples that the guide refers to, with the permissions that their comments name. */

import { assertEquals, assertMatch } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { onDeno, root } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";
import { execute } from "../support/package.ts";

/** Runs a program as the comment at its head says, and returns what it prints. */
async function run(file: string): Promise<string> {
  const text = readFileSync(join(root, file), "utf8");
  const flags = /^ \*     deno (run .*) (?=examples\/)/m.exec(text)![1]!.split(" ");
  const { stdout } = await execute(process.execPath, [...(onDeno ? ["--quiet", ...flags] : []), file], root);
  return stdout;
}

test("examples/sizes/waste.ts - prints what the guide shows", async () => {
  const guide = readFileSync(join(root, "docs", "guide.md"), "utf8");
  const [, shown = ""] = /^```text\n(in blocks of [\s\S]*?)^```/m.exec(guide)!;
  assertEquals(await run("examples/sizes/waste.ts"), shown);
});

test("examples/sizes/replacing.ts - measures the six cases of the guide", async () => {
  assertMatch(await run("examples/sizes/replacing.ts"), /^(?:[a-z, ]+ \d+\n){6}$/);
});

test("examples/queue/main.ts - one worker gets what the other sends, and every block is free again", async () => {
  assertEquals(await run("examples/queue/main.ts"), "[ 5000050000, 5000050000 ]\n0\n");
});

test("examples/backpressure/main.ts - every request is answered, from a quarter of the blocks", async () => {
  assertEquals(
    (await run("examples/backpressure/main.ts")).replace(/up to \d+/, "up to N"),
    "500 of 500 requests answered rightly, up to N at once\n8 of 8 blocks in use at most, 0 in the end\n",
  );
});
