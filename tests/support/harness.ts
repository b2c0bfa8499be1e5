/** One test file for all runtimes: `test` registers a test with `deno test`, with `bun test` or with `node --test`. */

import process from "node:process";
import { onBun, onDeno, onNode } from "../../scripts/_project.ts";
import { effort } from "./effort.ts";
import { takeUnheardErrors } from "./workers.ts";

export { spawnWorker, withWorkers } from "./workers.ts";
export type { TestWorker } from "./workers.ts";

type TestBody = () => void | Promise<void>;
type Register = (name: string, body: TestBody) => void;

/** Milliseconds for one test. Bun's default of 5 seconds is too short for a loaded machine, and Node has none. */
const timeLimit = effort(300_000, 3_600_000);

const runner = onDeno ? denoRunner() : onBun ? bunRunner() : nodeRunner();

/** Registers a test. Tests have no steps and do not depend on each other. */
export function test(name: string, body: TestBody): void {
  runner.register(name, async () => {
    await body();
    const errors = takeUnheardErrors();
    if (errors.length > 0) throw new Error(`A worker failed while no call waited for it: ${errors.join("; ")}`);
  });
}

/**
 * Returns a `test` that registers its tests as skipped, with the reason: `const bigTest = enough ? test : skip("why")`.
 */
export function skip(reason: string): typeof test {
  return (name, body) => runner.registerSkipped(`${name} (skipped: ${reason})`, body);
}

/** Tests of what only one runtime has. */
export const denoTest: typeof test = onDeno ? test : skip("only Deno has it");
export const bunTest: typeof test = onBun ? test : skip("only Bun has it");
export const nodeTest: typeof test = onNode ? test : skip("only Node has it");

/** Registers a function that the runner calls after the last test of the file. */
export function afterAll(end: () => void): void {
  runner.registerEnd(end);
}

/** What differs between the runners: how a test, a skipped test and the end of the file are registered. */
interface Runner {
  readonly register: Register;
  readonly registerSkipped: Register;
  readonly registerEnd: (end: () => void) => void;
}

/**
 * Deno's sanitizers are off: the native library stays open, and a pool's lock may outlive the test that first uses it.
 */
function denoRunner(): Runner {
  const options = { sanitizeOps: false, sanitizeResources: false };
  return {
    register: (name, fn) => Deno.test({ name, fn, ...options }),
    registerSkipped: (name, fn) => Deno.test({ name, fn, ignore: true, ...options }),
    registerEnd: (end) => Deno.test.afterAll(end),
  };
}

interface BunTest {
  readonly test: ((name: string, body: TestBody, timeout: number) => void) & { readonly skip: Register };
  readonly afterAll: (end: () => void) => void;
}

/** `import "bun:test"` fails on other runtimes, and a worker would lose messages during an awaited import. */
function bunRunner(): Runner {
  const { test, afterAll } = process.getBuiltinModule("bun:test") as unknown as BunTest;
  return {
    register: (name, body) => test(name, body, timeLimit),
    registerSkipped: (name, body) => test.skip(name, body),
    registerEnd: afterAll,
  };
}

/** What Node's documentation of `process.stdout` mentions of its handle. */
interface Piped {
  readonly _handle?: { setBlocking?(blocking: boolean): void };
}

/** Deno and Bun have this module too, but not under their own runners. */
function nodeRunner(): Runner {
  const { test, after } = process.getBuiltinModule("node:test");
  // The report goes through a pipe. `--test-force-exit` ends the process without waiting for it, so each write has to.
  (process.stdout as unknown as Piped)._handle?.setBlocking?.(true);
  return {
    register: (name, body) => void test(name, { timeout: timeLimit }, body),
    registerSkipped: (name, body) => void test.skip(name, body),
    registerEnd: (end) => after(end),
  };
}
