/** What users install: the npm package that the project makes, in empty projects; and what goes to JSR. */

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { filesIn, onDeno, packageJson, root, toolPath } from "../../scripts/_project.ts";
import { PREBUILT } from "../../src/runtime/prebuilt.ts";
import { test } from "../support/harness.ts";
import { INSPECTOR, PRINTED, PROGRAM, SEEN, withInstalled, WORKER } from "../support/package.ts";

const TSCONFIG = JSON.stringify({
  compilerOptions: {
    target: "es2024",
    lib: ["esnext", "dom"],
    module: "preserve",
    types: [],
    noEmit: true,
    allowImportingTsExtensions: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
  },
});

/** Every source, compiled and declared; the library for those who load it themselves; and what npm adds. */
function expectedFiles(): string[] {
  const sources = ["mod.ts", ...filesIn("src", ".ts")].map((file) => file.slice(0, -".ts".length));
  return [
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "package.json",
    ...sources.flatMap((file) => [`dist/${file}.js`, `dist/${file}.d.ts`]),
    ...Object.keys(PREBUILT).map((platform) => `native/prebuilt/mempool-${platform}.${suffixOf(platform)}`),
  ].sort();
}

function suffixOf(platform: string): string {
  return platform.startsWith("windows") ? "dll" : platform.startsWith("darwin") ? "dylib" : "so";
}

test(
  "package - has what a program needs and nothing else",
  withInstalled([], async (project) => {
    assertEquals(project.files(), expectedFiles());
    const manifest = JSON.parse(readFileSync(join(project.installed, "package.json"), "utf8"));
    assertEquals(Object.keys(manifest.dependencies ?? {}), []);
    for (const script of ["preinstall", "install", "postinstall", "prepare"]) assert(!(script in manifest.scripts));
    const { ".": main, "./inspect": inspect, "./package.json": itself } = manifest.exports;
    for (const path of [manifest.types, ...Object.values(main), ...Object.values(inspect), itself]) {
      assert(project.files().includes(path.slice("./".length)), path);
    }
  }),
);

test(
  "package - in an empty project: its types, without those of a runtime, and a program with workers",
  withInstalled([PROGRAM, WORKER], async (project) => {
    writeFileSync(join(project.folder, "tsconfig.json"), TSCONFIG);
    await project.run(toolPath("tsc"), ["--project", "."]);
    const { stdout } = await project.run(process.execPath, [...(onDeno ? denoFlags : []), PROGRAM]);
    assertMatch(stdout, PRINTED);
  }),
);

test(
  "package - what draws pools needs a package of its own, which nobody else installs",
  withInstalled([INSPECTOR], async (project) => {
    const { peerDependencies, peerDependenciesMeta } = packageJson;
    assertEquals(Object.keys(peerDependencies), ["@thi.ng/hiccup"]);
    assertEquals(peerDependenciesMeta, { "@thi.ng/hiccup": { optional: true } });
    const installed = readdirSync(join(project.folder, "node_modules")).filter((name) => !name.startsWith("."));
    assertEquals(installed, [packageJson.name]);
    const run = () => project.run(process.execPath, [...(onDeno ? inspectFlags : []), INSPECTOR]);
    const { message } = await assertRejects(run, Error);
    assertStringIncludes(message, "@thi.ng/hiccup");

    project.installDrawing();
    writeFileSync(join(project.folder, "tsconfig.json"), TSCONFIG);
    await project.run(toolPath("tsc"), ["--project", "."]);
    assertEquals((await run()).stdout, SEEN);
  }, tmpdir()),
);

/** With the type check that a user of Deno may ask for; reading is for the program's worker, not for the package. */
const denoFlags = ["run", "--quiet", "--check", "--allow-ffi", "--allow-read=."];

/** The address, for the page. */
const inspectFlags = [...denoFlags, "--allow-net=127.0.0.1"];

test("package - is for the systems and processors that it has a library for", () => {
  const platforms = Object.keys(PREBUILT).map((platform) => platform.split("-"));
  const systems = platforms.map(([system = ""]) => system === "windows" ? "win32" : system);
  const processors = platforms.map(([, processor]) => processor);
  // npm takes them apart: so it also installs on Windows for arm64, where the first call says what is missing.
  assertEquals(new Set(packageJson.os), new Set(systems));
  assertEquals(new Set(packageJson.cpu), new Set(processors));
});

test("package - the compiled files are no sources of this project, nor are the pages of the reference", () => {
  for (const file of [".gitignore", "tsconfig.json", "deno.json", "dprint.json"]) {
    for (const folder of [/\bdist\b/, /\bapi\b/]) assert(folder.test(readFileSync(join(root, file), "utf8")), file);
  }
});
