/**
 * Finds the TypeScript examples in documents and in documentation comments, and runs each as its reader would: as a file
 * of its own, in a process of its own.
 *
 * - Examples import from "mempool", "mempool/inspect", "./mod.ts" or, in a folder of the project, "../mod.ts" or
 *   "../../mod.ts". All of these are this checkout.
 * - A first line `// worker.ts` names the file. If another example of the document loads that file, as
 *   `"./worker.ts"` or `${import.meta.dirname}/worker.ts` do, the named example lies beside it and is not run by itself.
 * - If an example has comments `// prints …`, it must print exactly those lines, in that order. A comment without text
 *   stands for an empty line.
 * - A fence marked `text` and the name of an example contains what that example must write to standard error. Paths in it
 *   are those of a reader whose files are in /home/you.
 * - An example whose fence is marked `deno`, `bun` or `node`, after `ts`, runs on the named runtimes only. One that is
 *   marked `ignore` does not run, except that `node ignore` runs on Node.
 * - An example that opens a library of the system which is not installed is skipped.
 */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { onDeno, onNode, root, runtime, runtimeArgs, scratch } from "../../scripts/_project.ts";
import { importMapFlags } from "../../scripts/_std_assert.ts";

export interface Example {
  /** The line of the document on which the code starts. */
  readonly line: number;
  readonly file: string;
  readonly code: string;
  /** The standard error that the document shows, if it does. */
  readonly stderr?: string;
}

/** Whether an example with these marks runs here. */
function isOurs(marks: string): boolean {
  const named = marks.trim().split(/\s+/);
  // Deno, which has no types for node:ffi, would check the examples for Node, unless they are marked `ignore`.
  if (named.includes("ignore")) return onNode && named.includes("node");
  const runtimes = named.filter((mark) => ["deno", "bun", "node"].includes(mark));
  return runtimes.length === 0 || runtimes.includes(runtime.toLowerCase());
}

/**
 * The examples in a Markdown text that starts on line `first` of its file, except those for other runtimes. Like Deno,
 * it skips examples marked `ignore`.
 */
export function examplesIn(markdown: string, first = 1): Example[] {
  const fences = markdown.matchAll(/^( *)```(?:ts|typescript)\b(.*)\n([\s\S]*?)^\1```/gm);
  const examples = [...fences].filter(([, , marks = ""]) => isOurs(marks)).map((match) => {
    const [, indent = "", , body = ""] = match;
    const code = indent === "" ? body : body.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    const line = first + lineOf(markdown, match.index);
    return { line, code, file: /^\/\/ (\w+\.ts)\n/.exec(code)?.[1] ?? `example_${line}.ts` };
  });
  return withStderr(examples, markdown);
}

function withStderr(examples: readonly Example[], markdown: string): Example[] {
  const told = new Map(
    [...markdown.matchAll(/^```text (\w+\.ts)\n([\s\S]*?)^```/gm)].map(([, file, text]) => [file, text]),
  );
  for (const file of told.keys()) {
    if (!examples.some((example) => example.file === file)) throw new Error(`No example is called ${file}`);
  }
  return examples.map((example) => {
    const stderr = told.get(example.file);
    return stderr === undefined ? example : { ...example, stderr };
  });
}

/** The examples in the documentation comments of a source file. */
export function examplesInComments(source: string): Example[] {
  const comments = [...source.matchAll(/^ *\/\*\*[\s\S]*?\*\//gm)];
  return comments.flatMap((comment) => {
    const text = comment[0].replaceAll(/^ *\* ?/gm, "");
    return examplesIn(text, lineOf(source, comment.index));
  });
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Runs an example beside the other examples of its document, and compares what it prints. */
export async function runExample(
  example: Example,
  all: readonly Example[],
  permissionsIn = readersPermissions,
): Promise<void> {
  const { stdout, stderr } = await inFolderOf(all, (folder) => runFile(folder, example.file, permissionsIn(folder)));
  const expected = [...example.code.matchAll(/\/\/ prints(?: (.*))?$/gm)].map(([, line = ""]) => line.trimEnd());
  if (expected.length > 0) compare("prints", stdout, expected.join("\n"));
  if (example.stderr !== undefined) compare("writes to stderr", stderr, example.stderr);
}

function compare(does: string, actual: string, expected: string): void {
  if (actual.trimEnd() === expected.trimEnd()) return;
  throw new Error(`Example ${does}\n${actual}and not\n${expected}\n`);
}

/** Whether another example of the document loads this one by its name, so that it is not run by itself. */
export function isLoadedByAnother(example: Example, all: readonly Example[]): boolean {
  const names = [`"./${example.file}"`, `}/${example.file}\``];
  return all.some(({ code }) => code !== example.code && names.some((name) => code.includes(name)));
}

async function inFolderOf<T>(examples: readonly Example[], use: (folder: string) => Promise<T>): Promise<T> {
  mkdirSync(scratch, { recursive: true });
  const top = mkdtempSync(join(scratch, "examples-"));
  const folder = join(top, "folder");
  try {
    mkdirSync(folder);
    for (const place of [top, folder]) writeFileSync(join(place, "mod.ts"), 'export * from "mempool";\n');
    for (const { file, code } of examples) writeFileSync(join(folder, file), code);
    return await use(folder);
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}

/** Milliseconds after which a run is considered to hang. */
const patience = 60_000;

/** Returns what the file prints, as a reader sees it. Throws if it fails, with its standard error. */
async function runFile(
  folder: string,
  file: string,
  permissions: readonly string[],
): Promise<{ stdout: string; stderr: string }> {
  const path = join(folder, file);
  const args = [...runtimeArgs([...permissions, ...(onDeno ? sameStdAssert() : [])]), path];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: patience });
  // Deno writes URLs into stacks, Bun writes paths.
  const seen = stderr.replaceAll(pathToFileURL(folder).href, readersFolder).replaceAll(folder, readersFolder);
  return { stdout, stderr: seen.replaceAll("\\", "/") };
}

const readersFolder = "/home/you";

/** The permissions that suffice for the examples of all documents, including what they do besides using a pool. */
function readersPermissions(_folder: string): string[] {
  const env = "--allow-env=MSGPACKR_NATIVE_ACCELERATION_DISABLED"; // msgpackr asks for it when it is imported
  return ["--allow-ffi", "--allow-read", "--allow-write", "--allow-run", "--allow-net=127.0.0.1", env];
}

/** The permissions that the README names. On systems other than Linux, unpacking the library needs more. */
export function leastPermissions(folder: string): string[] {
  if (process.platform !== "linux") return readersPermissions(folder);
  return ["--allow-ffi", `--allow-read=${[folder, join(root, "mod.ts"), join(root, "src")].join()}`];
}

/** Only Deno needs them: Bun resolves the specifier through tsconfig.json, Node through its hooks. */
function sameStdAssert(): string[] {
  return importMapFlags(import.meta.resolve("@std/assert"));
}
