/** The requirements of JSR, checked by the tools that JSR uses. */

import { assertEquals, assertMatch } from "@std/assert";
import process from "node:process";
import { denoJson, entries, filesIn, onDeno, root } from "../../scripts/_project.ts";
import { skip, test } from "../support/harness.ts";
import { execute } from "../support/package.ts";

const jsrTest = onDeno ? test : skip("JSR checks with tools of Deno");

jsrTest("JSR - every exported symbol is documented, and no exported type is private", async () => {
  await execute(process.execPath, ["doc", "--lint", ...entries().values()], root);
});

jsrTest("JSR - a dry run of publishing finds no problem, slow types included, and sends the sources only", async () => {
  const { stderr } = await execute(process.execPath, ["publish", "--dry-run", "--allow-dirty"], root);
  const files = [...stderr.matchAll(/^ +file:\S+?\/((?:src\/(?:\w+\/)?)?[^/\s]+) \(/gm)].map((
    [, file = ""],
  ) => file);
  assertMatch(stderr, new RegExp(`${denoJson.name}@${denoJson.version}`));
  assertEquals(
    files.sort(),
    ["CHANGELOG.md", "LICENSE", "README.md", "deno.json", "mod.ts", ...filesIn("src", ".ts")].sort(),
  );
});
