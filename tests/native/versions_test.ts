/**
 * The oldest supported versions of the runtimes: every file names the same ones, the loader checks them, and they work.
 */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { onDeno, packageJson, root } from "../../scripts/_project.ts";
import { OLDEST, requireVersion } from "../../src/runtime/versions.ts";
import { MemPoolError } from "../../mod.ts";
import { soaking } from "../support/effort.ts";
import { skip, test } from "../support/harness.ts";
import { execute, PRINTED, PROGRAM, withInstalled, WORKER } from "../support/package.ts";

const [runtime, program] = onDeno ? ["Deno", "deno"] as const : ["Bun", "bun"] as const;

test("versions - the package, the README and the loader name the same versions", () => {
  assertEquals(packageJson.engines, { deno: `>=${OLDEST.Deno}`, bun: `>=${OLDEST.Bun}` });
  const readme = readFileSync(join(root, "README.md"), "utf8");
  assertStringIncludes(readme, `Deno from ${OLDEST.Deno} on`);
  assertStringIncludes(readme, `Bun from ${OLDEST.Bun} on`);
});

test("versions - accepts the oldest version, newer versions, and builds of them", () => {
  for (const version of [OLDEST.Deno, "2.5.1", "2.10.0", "3.0.0", "2.5.0+3b0a1f2", "2.9.6-rc.1"]) {
    requireVersion("Deno", version);
  }
});

test("versions - refuses older versions and text that is no version", () => {
  for (const version of ["2.4.49", "1.46.3", "2.4.0+3b0a1f2", "0.0.1", "two"]) {
    const error = assertThrows(() => requireVersion("Deno", version), MemPoolError);
    assertEquals(error.code, "unsupported");
    assertEquals(
      error.message,
      `Cannot load the native library: Deno ${version} is too old, the oldest that works is ${OLDEST.Deno}`,
    );
  }
});

/** The newest versions that are refused. */
const REFUSED = { Deno: "2.4.4", Bun: "1.3.14" };

testWith(OLDEST[runtime], "runs a program with workers", (run) => run());
if (soaking) {
  testWith("latest", "runs a program with workers", (run) => run());
  testWith(REFUSED[runtime], "is refused", async (run) => {
    const { message } = await assertRejects(run, Error);
    assertMatch(message, /MemPoolError: Cannot load the native library: \w+ [\d.]+ is too old/);
  });
}

/**
 * Tests the installed package with another version of this runtime. Skips the test if the npm registry does not answer.
 */
function testWith(version: string, what: string, use: (run: () => Promise<void>) => Promise<unknown>): void {
  const command = ["-y", `${program}@${version}`];
  const register = answers(command) ? test : skip("the npm registry does not answer");
  register(
    `versions - ${runtime} ${version} ${what}`,
    withInstalled([PROGRAM, WORKER], async (project) => {
      await use(async () => {
        const args = [...command, ...(onDeno ? ["run", "--allow-all", "--no-check"] : []), PROGRAM];
        assertMatch((await execute("npx", args, project.folder)).stdout, PRINTED);
      });
    }),
  );
}

/**
 * Fetches the version, and returns whether the registry answered. The timeout bounds the wait in a network that drops
 * packets. "There is no such version" is an answer too; the test then fails.
 */
function answers(command: readonly string[]): boolean {
  const shell = process.platform === "win32";
  const env = { ...process.env, npm_config_fetch_retries: "0" };
  const options = { encoding: "utf8", timeout: 60_000, shell, env } as const;
  const { status, stderr } = spawnSync("npx", [...command, "--version"], options);
  return status === 0 || /\bE(TARGET|404)\b/.test(stderr ?? "");
}
