/** Runs the example programs of the guide, with the permissions that their comments name. */

import { assertEquals, assertMatch } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root, runtimeArgs } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";
import { execute } from "../support/package.ts";

/** Runs a program as the comment at its head says, and returns its output. */
async function run(file: string): Promise<string> {
  const text = readFileSync(join(root, file), "utf8");
  const flags = /^ \*     deno run (.*) (?=examples\/)/m.exec(text)![1]!.split(" ");
  const { stdout } = await execute(process.execPath, [...runtimeArgs(flags), file], root);
  return stdout;
}

test("examples/sizes/waste.ts - prints what the guide shows", async () => {
  const guide = readFileSync(join(root, "docs", "guide.md"), "utf8");
  const [, shown = ""] = /^```text\n(in blocks of [\s\S]*?)^```/m.exec(guide)!;
  assertEquals(await run("examples/sizes/waste.ts"), shown);
});

test("examples/sizes/replacing.ts - measures the six cases of the guide", async () => {
  assertMatch(await run("examples/sizes/replacing.ts"), /^(?:[a-z, ]+ \d+ ns\n){6}$/);
});

test("examples/records/main.ts - finds the shortest paths of a grid", async () => {
  assertEquals(
    await run("examples/records/main.ts"),
    "crossings 90000, streets 358800, settled 90000\nthe way to the far corner takes 36227 and has 626 streets\n",
  );
});

test("examples/queue/main.ts - one worker receives what the other sends, and no block stays allocated", async () => {
  assertEquals(
    await run("examples/queue/main.ts"),
    "sum of the numbers produced: 5000050000, consumed: 5000050000\nblocks still allocated: 0\n",
  );
});

test("examples/backpressure/main.ts - every request is answered, with a quarter as many blocks as clients", async () => {
  assertEquals(
    (await run("examples/backpressure/main.ts")).replace(/up to \d+/, "up to N"),
    "500 of 500 requests answered correctly, up to N at once\nat most 8 of 8 blocks in use, 0 in the end\n",
  );
});

test("examples/upload/main.ts - every upload is answered, and uploads that break off leave no block allocated", async () => {
  assertEquals(
    await run("examples/upload/main.ts"),
    "200 of 200 uploads hashed correctly, 20 broken off\nblocks still allocated: 0\n",
  );
});
