/** Executables of one file, compiled from a program, its worker and the package, and run without the other files. */

import { assertMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { onDeno, scratch } from "../../scripts/_project.ts";
import { skip, test } from "../support/harness.ts";
import { execute, inScratch, PRINTED, PROGRAM, withInstalled, WORKER } from "../support/package.ts";

const file = process.platform === "win32" ? "program.exe" : "program";

const permissions = ["--allow-ffi"];

const command = onDeno
  ? ["compile", "--quiet", "--no-check", ...permissions, "--include", WORKER, "--output", file, PROGRAM]
  : ["build", "--compile", PROGRAM, WORKER, "--outfile", file];

const reason = onDeno ? refusalOfDeno() : undefined;

(reason === undefined ? test : skip(reason))(
  "one file - a compiled program with workers runs after its sources and packages are removed",
  withInstalled([PROGRAM, WORKER], (project) =>
    inScratch(async (elsewhere) => {
      await project.run(process.execPath, command);
      renameSync(join(project.folder, file), join(elsewhere, file));
      rmSync(project.folder, { recursive: true }); // so that the program cannot read its files there
      assertMatch((await execute(join(elsewhere, file), [], elsewhere)).stdout, PRINTED);
    })),
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
