/** The npm package that the project makes, installed into empty projects. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { onDeno, packageJson, root, toolPath } from "../../scripts/_project.ts";
import { PREBUILT } from "../../src/runtime/prebuilt.ts";
import { nodeTest, test } from "../support/harness.ts";
import { packageFiles } from "./_package_files.ts";
import {
  INSPECTOR,
  PRINTED,
  PROGRAM,
  PROGRAM_FILES,
  REQUIRED,
  REQUIRING,
  SEEN,
  WEB_PROGRAM,
  WEB_WORKER,
  withInstalled,
} from "../support/package.ts";

const compilerOptions = {
  target: "es2024",
  lib: ["esnext", "dom"],
  module: "preserve",
  types: [],
  noEmit: true,
  allowImportingTsExtensions: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
};
const TSCONFIG = JSON.stringify({ compilerOptions });
const TSCONFIG_WITHOUT_WEB = JSON.stringify({ compilerOptions: { ...compilerOptions, lib: ["esnext"] } });

/** A program that uses both entry points and neither a runtime nor the web. */
const PLAIN = `
import { MemPool } from "mempool";
import { mapAsText } from "mempool/inspect";

export const draw = (pool: MemPool): string => mapAsText(pool);
export const wait = (pool: MemPool): Promise<ArrayBuffer> => pool.allocAsync(1, {});
`;

/** A program that knows what a signal is. */
const SIGNALLING = `
import type { MemPool } from "mempool";

export const wait = (pool: MemPool) => pool.allocAsync(1, { signal: AbortSignal.timeout(1) });
// @ts-expect-error
export const refused = (pool: MemPool) => pool.allocAsync(1, { signal: { aborted: false } });
`;

test(
  "package - has the files that a program needs and no others, and no dependencies",
  withInstalled([], async (project) => {
    assertEquals(project.files(), packageFiles());
    const manifest = JSON.parse(readFileSync(join(project.installed, "package.json"), "utf8"));
    for (const field of ["dependencies", "optionalDependencies", "peerDependencies"]) assert(!(field in manifest));
    for (const script of ["preinstall", "install", "postinstall", "prepare"]) assert(!(script in manifest.scripts));
    const { ".": main, "./inspect": inspect, "./package.json": itself } = manifest.exports;
    const targets = [main, inspect].flatMap((conditions) => Object.values<string | string[]>(conditions).flat());
    for (const path of [manifest.types, ...targets, itself]) {
      assert(project.files().includes(path.slice("./".length)), path);
    }
  }),
);

test(
  "package - in an empty project, its types need no types of a runtime, and a program with workers runs",
  withInstalled([WEB_PROGRAM, WEB_WORKER, ...PROGRAM_FILES], async (project) => {
    project.write("tsconfig.json", TSCONFIG);
    await project.run(toolPath("tsc"), ["--project", "."]);
    const { stdout } = await project.run(process.execPath, [...(onDeno ? denoFlags : []), PROGRAM]);
    assertMatch(stdout, PRINTED);
  }),
);

test(
  "package - its types need none of the web, and are exact where those are known",
  withInstalled([], async (project) => {
    project.write("plain.ts", PLAIN);
    project.write("tsconfig.json", TSCONFIG_WITHOUT_WEB);
    await project.run(toolPath("tsc"), ["--project", "."]);
    project.write("signalling.ts", SIGNALLING);
    project.write("tsconfig.json", TSCONFIG);
    await project.run(toolPath("tsc"), ["--project", "."]);
  }, tmpdir()),
);

nodeTest(
  "package - a CommonJS module requires it on Node",
  withInstalled([REQUIRING], async (project) => {
    assertEquals((await project.run(process.execPath, [REQUIRING])).stdout, REQUIRED);
  }, tmpdir()),
);

nodeTest(
  "package - on Node, --permission --allow-ffi is enough besides reading the sources and starting workers",
  withInstalled(PROGRAM_FILES, async (project) => {
    const flags = ["--permission", "--allow-ffi", `--allow-fs-read=${project.folder}`, "--allow-worker"];
    assertMatch((await project.run(process.execPath, [...flags, PROGRAM])).stdout, PRINTED);
  }, tmpdir()),
);

nodeTest(
  "package - importing it on Node neither prints nor loads anything; the first pool prints Node's own warning, once",
  withInstalled([], async (project) => {
    project.write("import.mjs", 'import { MemPool } from "mempool";\nconsole.log(typeof MemPool);\n');
    assertEquals(await project.run(process.execPath, ["import.mjs"]), { stdout: "function\n", stderr: "" });
    const making =
      'import { MemPool } from "mempool";\nfor (let i = 0; i < 2; i++) MemPool.init(1024, 64).destroy();\n';
    project.write("pool.mjs", making);
    const { stderr } = await project.run(process.execPath, ["pool.mjs"]);
    assertEquals(stderr.match(/ExperimentalWarning: FFI is an experimental feature/g)?.length, 1);
  }, tmpdir()),
);

test(
  "package - in an empty project, a program that draws its pool runs without any other package",
  withInstalled([INSPECTOR], async (project) => {
    const installed = readdirSync(join(project.folder, "node_modules")).filter((name) => !name.startsWith("."));
    assertEquals(installed, [packageJson.name]);
    project.write("tsconfig.json", TSCONFIG);
    await project.run(toolPath("tsc"), ["--project", "."]);
    const { stdout } = await project.run(process.execPath, [...(onDeno ? inspectFlags : []), INSPECTOR]);
    assertEquals(stdout, SEEN);
  }, tmpdir()),
);

/** Deno checks types as well. The read permission is for the program's worker, the package needs none. */
const denoFlags = ["run", "--quiet", "--check", "--allow-ffi", "--allow-read=."];

/** The page needs an address. */
const inspectFlags = [...denoFlags, "--allow-net=127.0.0.1"];

test("package - names the systems and processors that it has a library for", () => {
  const platforms = Object.keys(PREBUILT).map((platform) => platform.split("-"));
  const systems = platforms.map(([system = ""]) => system === "windows" ? "win32" : system);
  const processors = platforms.map(([, processor]) => processor);
  // npm knows no pairs. So the package also installs on Windows for arm64, where the first call says what is missing.
  assertEquals(new Set(packageJson.os), new Set(systems));
  assertEquals(new Set(packageJson.cpu), new Set(processors));
});

test("package - every tool ignores the compiled files and the reference of the API", () => {
  for (const file of [".gitignore", "tsconfig.json", "deno.json", "dprint.json"]) {
    for (const folder of [/\bdist\b/, /\bapi\b/]) assert(folder.test(readFileSync(join(root, file), "utf8")), file);
  }
});
