/** One test file for both runtimes: `test` registers a test with `deno test` or with `bun test`. */

import process from "node:process";
import { effort } from "./effort.ts";

export { spawnWorker, withWorkers } from "./workers.ts";
export type { TestWorker } from "./workers.ts";

type TestBody = () => void | Promise<void>;
type Register = (name: string, body: TestBody) => void;

interface BunTest {
  (name: string, body: TestBody, timeout: number): void;
  skip(name: string, body: TestBody): void;
}

/** Milliseconds for one test. Bun's default of 5 seconds is too short for a loaded machine. */
const timeLimit = effort(300_000, 3_600_000);

/** Registers a test. Tests have no steps and do not depend on each other. */
export function test(name: string, body: TestBody): void {
  register(name, body);
}

/**
 * Returns a `test` that registers its tests as skipped, with the reason: `const bigTest = enough ? test : skip("why")`.
 */
export function skip(reason: string): typeof test {
  return (name, body) => registerSkipped(`${name} (skipped: ${reason})`, body);
}

const [register, registerSkipped] = "Deno" in globalThis ? denoRegisters() : bunRegisters();

/**
 * Deno's sanitizers are off: the native library stays open, and a pool's lock may outlive the test that first uses it.
 */
function denoRegisters(): [Register, Register] {
  const options = { sanitizeOps: false, sanitizeResources: false };
  return [
    (name, fn) => Deno.test({ name, fn, ...options }),
    (name, fn) => Deno.test({ name, fn, ignore: true, ...options }),
  ];
}

/** `import "bun:test"` fails on Deno, and a worker would lose messages during an awaited import. */
function bunRegisters(): [Register, Register] {
  const module = process.getBuiltinModule("bun:test") as unknown as { test: BunTest };
  return [
    (name, body) => module.test(name, body, timeLimit),
    (name, body) => module.test.skip(name, body),
  ];
}
