/**
 * Runs a program of the tests in a process of its own, on the same runtime, so that a crash ends it and not the tests.
 */

import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { onBun, onDeno, runtimeArgs } from "../../scripts/_project.ts";

export interface ChildOptions {
  /** Deno's permissions. By default all, because a program that reads /proc needs them. */
  readonly permissions?: readonly string[];
  /** Flags for the current runtime. */
  readonly moreFlags?: readonly string[];
  /** Environment variables in addition to those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /**
   * Whether the program gets a small heap, which is the default: then a growing process is not just garbage that was not
   * collected yet. It is slower.
   */
  readonly smallHeap?: boolean;
}

const SMALL_HEAP = ["--max-old-space-size=32", "--max-semi-space-size=1"];
const smallHeapFlags = onBun ? ["--smol"] : v8Flags(SMALL_HEAP);

/** With these flags, a program on Deno or Node has a function `gc`. On Bun, every program has `Bun.gc`. */
export const EXPOSE_GC: readonly string[] = onBun ? [] : v8Flags(["--expose-gc"]);

/** The arguments of Deno or Node that pass these flags on to V8. */
export function v8Flags(flags: readonly string[]): readonly string[] {
  return onDeno ? [`--v8-flags=${flags}`] : flags;
}

/**
 * Returns what the program printed. Rejects if it exits with a failure, crashes, or takes longer than `timeLimit`
 * milliseconds.
 */
export function runChild(
  file: URL,
  args: readonly string[],
  timeLimit: number,
  { permissions = ["--allow-all"], moreFlags = [], env, cwd = process.cwd(), smallHeap = true }: ChildOptions = {},
): Promise<string> {
  const options = { timeout: timeLimit, maxBuffer: 2 ** 26, cwd, env: { ...process.env, ...env } };
  const heapFlags = smallHeap ? smallHeapFlags : [];
  const program = [fileURLToPath(file.href), ...args];
  const all = [...runtimeArgs(["--no-check", ...permissions]), ...heapFlags, ...moreFlags, ...program];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, all, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`The child ${endOf(error)}. It wrote:\n${stdout}${stderr}`));
    });
  });
}

function endOf({ code, signal, killed }: { code?: unknown; signal?: unknown; killed?: boolean }): string {
  if (killed === true) return "did not end in time";
  return typeof signal === "string" ? `was ended by ${signal}` : `ended with code ${code}`;
}
