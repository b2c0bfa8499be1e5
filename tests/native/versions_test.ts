/**
 * The oldest supported versions of the runtimes: every file names the same ones, the loader checks them, and they work.
 */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { onDeno, onNode, packageJson, root, runtime } from "../../scripts/_project.ts";
import { OLDEST, requireNode, requireVersion } from "../../src/runtime/versions.ts";
import { MemPoolError } from "../../mod.ts";
import { soaking } from "../support/effort.ts";
import { skip, test } from "../support/harness.ts";
import {
  execute,
  OLD_NODE_PROGRAM,
  PRINTED,
  PRINTED_BY_OLD_NODE,
  PROGRAM,
  PROGRAM_FILES,
  withInstalled,
} from "../support/package.ts";
import { needs } from "../support/programs.ts";

test("versions - the package, the README and the loader name the same versions", () => {
  const engines = Object.entries(OLDEST).map(([name, version]) => [name.toLowerCase(), `>=${version}`]);
  assertEquals(packageJson.engines, Object.fromEntries(engines));
  const readme = readFileSync(join(root, "README.md"), "utf8");
  for (const [name, version] of Object.entries(OLDEST)) assertStringIncludes(readme, `${name} from ${version} on`);
});

test("versions - Node needs a newer version, a flag or another build if it has no FFI", () => {
  const refused = (version: string): string => {
    const error = assertThrows(() => requireNode(version, false), MemPoolError);
    assertEquals(error.code, "unsupported");
    return error.message.slice("Cannot load the native library: ".length);
  };
  for (const version of ["20.20.2", "22.22.0", "24.22.3", "26.0.0"]) {
    assertEquals(refused(version), `Node ${version} is too old, the oldest that works is 26.9.0`);
    requireNode(version, true);
  }
  for (const version of ["26.1.0", "26.8.2"]) {
    assertEquals(refused(version), `Node ${version} needs the flag --experimental-ffi, from 26.9.0 on it needs none`);
  }
  assertEquals(refused("26.9.0"), "this build of Node 26.9.0 has no node:ffi");
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

/** Versions that are refused, with what the error says: of each runtime the newest, and of Node one of each kind. */
const REFUSED: Readonly<Record<typeof runtime, Readonly<Record<string, RegExp>>>> = {
  Deno: { "2.4.4": /Deno 2\.4\.4 is too old/ },
  Bun: { "1.3.14": /Bun 1\.3\.14 is too old/ },
  Node: {
    "20.20.2": /Node 20\.20\.2 is too old/,
    "22.22.0": /Node 22\.22\.0 is too old/,
    "24.21.0": /Node 24\.21\.0 is too old/,
    "26.0.0": /Node 26\.0\.0 is too old/,
    "26.8.2": /Node 26\.8\.2 needs the flag --experimental-ffi/,
  },
};

const runsWithWorkers = async (run: Run): Promise<void> => assertMatch(await run(PROGRAM), PRINTED);

testWith(OLDEST[runtime], "runs a program with workers", runsWithWorkers);
if (soaking) {
  testWith("latest", "runs a program with workers", runsWithWorkers);
  for (const [version, why] of Object.entries(REFUSED[runtime])) {
    testWith(version, "is refused", async (run) => {
      const { message } = await assertRejects(() => run(PROGRAM), Error);
      assertStringIncludes(message, "MemPoolError: Cannot load the native library: ");
      assertMatch(message, why);
    });
  }
}

/** The oldest versions of two lines that import the library. Node's own modules export less there. */
const IMPORTING = onNode ? ["18.20.8", "20.0.0"] : [];

for (const version of IMPORTING) {
  testWith(version, "imports everything, draws maps, and is refused at the first call for a pool", async (run) => {
    assertEquals(await run(OLD_NODE_PROGRAM), PRINTED_BY_OLD_NODE);
  });
}

/** Runs a program of the project, and returns what it prints. */
type Run = (program: string) => Promise<string>;

/** The arguments of npx for a version of this runtime. */
function commandOf(version: string): string[] {
  return ["-y", `${runtime.toLowerCase()}@${version}`];
}

/**
 * Tests the installed package with another version of this runtime. Skips the test if the npm registry does not answer.
 */
function testWith(version: string, what: string, use: (run: Run) => Promise<void>): void {
  const command = commandOf(version);
  const npxTest = needs("npx");
  const register = npxTest !== test || answers(command) ? npxTest : skip("the npm registry does not answer");
  register(
    `versions - ${runtime} ${version} ${what}`,
    withInstalled([...PROGRAM_FILES, OLD_NODE_PROGRAM], (project) =>
      use(async (program) => {
        const args = [...command, ...(onDeno ? ["run", "--allow-all", "--no-check"] : []), program];
        return (await execute("npx", args, project.folder)).stdout;
      })),
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
