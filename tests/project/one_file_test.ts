/** Executables of one file, compiled from a program, its worker and the package, and run without the other files. */

import { assertEquals, assertMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { onDeno, onNode, scratch } from "../../scripts/_project.ts";
import { nodeTest, skip } from "../support/harness.ts";
import {
  execute,
  inScratch,
  packageTest,
  PRINTED,
  PROGRAM,
  PROGRAM_FILES,
  REQUIRED,
  REQUIRING,
  WEB_WORKER,
  withInstalled,
} from "../support/package.ts";

const file = process.platform === "win32" ? "program.exe" : "program";

const permissions = ["--allow-ffi"];

const command = onDeno
  ? ["compile", "--quiet", "--no-check", ...permissions, "--include", WEB_WORKER, "--output", file, PROGRAM]
  : ["build", "--compile", PROGRAM, WEB_WORKER, "--outfile", file];

const ownTest = onNode ? skip("Node has no compiler of its own") : packageTest;

const reason = onDeno ? refusalOfDeno() : undefined;

(reason === undefined ? ownTest : skip(reason))(
  "one file - a compiled program with workers runs after its sources and packages are removed",
  withInstalled(PROGRAM_FILES, (project) =>
    inScratch(async (elsewhere) => {
      await project.run(process.execPath, command);
      renameSync(join(project.folder, file), join(elsewhere, file));
      rmSync(project.folder, { recursive: true }); // so that the program cannot read its files there
      assertMatch((await execute(join(elsewhere, file), [], elsewhere)).stdout, PRINTED);
    })),
);

for (const format of ["esm", "cjs"] as const) {
  nodeTest(
    `one file - a bundle by esbuild as ${format} runs on Node after its sources and packages are removed`,
    withInstalled([PROGRAM, REQUIRING], (project) =>
      inScratch(async (elsewhere) => {
        const [program, bundle] = format === "esm" ? [PROGRAM, "bundle.mjs"] : [REQUIRING, "bundle.cjs"];
        const options = ["--bundle", "--minify", "--platform=node", `--format=${format}`, `--outfile=${bundle}`];
        await project.runTool("esbuild", [program, ...options]);
        renameSync(join(project.folder, bundle), join(elsewhere, bundle));
        rmSync(project.folder, { recursive: true });
        const { stdout } = await execute(process.execPath, [bundle], elsewhere);
        if (format === "esm") assertMatch(stdout, PRINTED);
        else assertEquals(stdout, REQUIRED);
      })),
  );
}

/** Runs a CommonJS module in a context of its own, as test runners do. */
const IN_CONTEXT = `
const { readFileSync } = require("node:fs");
const { createContext, runInContext } = require("node:vm");
const context = createContext({ require, console, performance, queueMicrotask, TextEncoder });
runInContext(readFileSync("bundle.cjs", "utf8"), context);
console.log(runInContext("ArrayBuffer", context) !== ArrayBuffer);
`;

nodeTest(
  "one file - a bundle runs on Node in a context of its own, in which blocks are no instances of its ArrayBuffer",
  withInstalled([REQUIRING], async (project) => {
    const options = ["--bundle", "--platform=node", "--format=cjs", "--outfile=bundle.cjs"];
    await project.runTool("esbuild", [REQUIRING, ...options]);
    project.write("run.cjs", IN_CONTEXT);
    assertEquals((await project.run(process.execPath, ["run.cjs"])).stdout, `${REQUIRED}true\n`);
  }),
);

/** Compiling with Deno needs a second program, which Deno downloads. Returns why that fails, if it does. */
function refusalOfDeno(): string | undefined {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, "compile-"));
  try {
    writeFileSync(join(folder, "empty.ts"), "");
    const args = ["compile", "--no-check", "--output", file, "empty.ts"];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, timeout: 30_000, encoding: "utf8" });
    const cause = /error sending request[^\n]*/.exec(stderr)?.[0];
    return status === 0 || (status !== null && cause === undefined)
      ? undefined
      : `deno compile cannot download its runtime: ${cause ?? "no answer"}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
