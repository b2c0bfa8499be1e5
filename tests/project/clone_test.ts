/** What works in a fresh clone, with nothing installed and nothing in the caches. */

import { assertEquals, assertMatch } from "@std/assert";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runtime } from "../../scripts/_project.ts";
import { bareTest, type Clone, cloneTest, withClone } from "../support/clone.ts";
import { skip, type test } from "../support/harness.ts";
import { INSPECTOR, PRINTED, PROGRAM, Project, SEEN, WEB_WORKER } from "../support/package.ts";
import { packageFiles } from "./_package_files.ts";

/** Most of what these tests run does not depend on the runtime that runs them. */
function testOn(name: typeof runtime, ...programs: readonly string[]): typeof test {
  return name === runtime ? cloneTest(...programs) : skip(`only the tests on ${name} do this`);
}

testOn("Bun")(
  "clone - after bun install, dprint and tsc are there and pass",
  withClone(async (clone) => {
    await clone.run(process.execPath, ["install", "--frozen-lockfile"]);
    await clone.run(process.execPath, ["x", "--no-install", "dprint", "check"]);
    await clone.run(process.execPath, ["x", "--no-install", "tsc", "--noEmit", "-p", "tsconfig.json"]);
  }),
);

testOn("Deno", "npm")(
  "clone - npm pack makes the package",
  withClone(async (clone) => {
    const { stdout } = await clone.run("npm", ["pack", "--json", "--silent"]);
    // The compiler's output precedes the JSON.
    const [{ files }] = JSON.parse(stdout.slice(stdout.indexOf("[\n")));
    assertEquals(files.map(({ path }: { path: string }) => path).sort(), packageFiles());
  }),
);

testOn("Bun")(
  "clone - a git dependency on it works with Bun, and tsc finds its types",
  withClone(async (clone) => {
    await clone.commit();
    const project = emptyProject(clone, [PROGRAM, WEB_WORKER, INSPECTOR]);
    project.write("package.json", JSON.stringify({ type: "module" }));
    await clone.run(process.execPath, ["add", `git+${pathToFileURL(clone.folder).href}`], project.folder);
    assertMatch((await project.run(process.execPath, [PROGRAM])).stdout, PRINTED);
    assertEquals((await project.run(process.execPath, [INSPECTOR])).stdout, SEEN);
    await checkTypes(project, {});
  }),
);

const IMPORTS = `import { MemPool } from "../mempool/mod.ts";
import { mapAsText } from "../mempool/src/inspect/mod.ts";

using pool = MemPool.init(1024, 64);
console.log(mapAsText(pool));
`;

testOn("Deno")(
  "clone - deno check passes in a project that imports it",
  withClone(async (clone) => {
    const project = emptyProject(clone, []);
    project.write("main.ts", IMPORTS);
    await clone.run(process.execPath, ["check", "main.ts"], project.folder);
  }),
);

testOn("Node")(
  "clone - a project that imports it runs on Node, which strips the types",
  withClone(async (clone) => {
    const project = emptyProject(clone, []);
    project.write("main.ts", IMPORTS);
    const { stdout } = await clone.run(process.execPath, ["main.ts"], project.folder);
    assertMatch(stdout, /16 blocks/);
  }),
);

/** How a reader of README.md starts the demo and the tests, the latter with a test that needs installed packages. */
const COMMANDS: Readonly<Record<typeof runtime, readonly [demo: string, test: string]>> = {
  Deno: ["deno task demo", "deno task test tests/records/types_test.ts"],
  Bun: ["bun run demo", 'bun run test --filter "has the files that" tests/project/package_test.ts'],
  Node: ["npm run demo --", "npm test -- tests/api/alloc_test.ts"],
};

bareTest(
  `clone - with ${runtime} and no other runtime, and with nothing installed before, the demo runs, and so do tests`,
  withClone(async (clone) => {
    clone.hideOtherPrograms();
    const [demo, tests] = COMMANDS[runtime];
    const solved = await clone.run("sh", ["-c", `${demo} --size 3 --seed 1 --store pool`]);
    assertMatch(solved.stdout, /Solved in \d+ moves/);
    const tested = await clone.run("sh", ["-c", tests]);
    assertMatch(tested.stdout, /^[1-9]\d* passed, 0 failed$/m);
  }),
);

/** Options beyond those of this project. Users who set them would see errors in its files. */
const STRICTER = {
  allowUnreachableCode: false,
  allowUnusedLabels: false,
  declaration: true,
  erasableSyntaxOnly: true,
  exactOptionalPropertyTypes: true,
  isolatedDeclarations: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUncheckedSideEffectImports: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
};

// With fewer options there can be other errors: a type that fits exactOptionalPropertyTypes may not fit without it.
for (const [name, options] of [["strict", {}], ["every strict option", STRICTER]] as const) {
  testOn("Bun")(
    `clone - tsc passes in a project that imports it, with ${name}`,
    withClone(async (clone) => {
      const project = emptyProject(clone, []);
      project.write("main.ts", IMPORTS);
      await checkTypes(project, options);
    }),
  );
}

/** A project beside the clone. */
function emptyProject(clone: Clone, files: readonly string[]): Project {
  const folder = join(clone.folder, "..", "project");
  mkdirSync(folder);
  return new Project(folder, files);
}

/** Checks a project with tsc and the types that README.md tells its reader to install. */
async function checkTypes(project: Project, options: Readonly<Record<string, boolean>>): Promise<void> {
  project.copyPackages("bun-types", "@types/deno", "@types/node", "undici-types");
  const compilerOptions = {
    target: "esnext",
    module: "preserve",
    types: ["bun-types", "deno"],
    noEmit: true,
    allowImportingTsExtensions: true,
    strict: true,
    ...options,
  };
  project.write("tsconfig.json", JSON.stringify({ compilerOptions }));
  await project.runTool("tsc", ["--project", "."]);
}
