/** One test file for both runtimes: `test` registers with `deno test` or `bun test`, whichever runs the file. */

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

/** Bun ends a test after 5 seconds unless told; model tests take longer. Milliseconds. */
const timeLimit = effort(300_000, 3_600_000);

/** Registers a test. Keep tests flat: no steps, no order among them. */
export function test(name: string, body: TestBody): void {
  register(name, body);
}

/** Gives a `test` that registers its tests as skipped and says why: `const bigTest = enough ? test : skip("why")`. */
export function skip(reason: string): typeof test {
  return (name, body) => registerSkipped(`${name} (skipped: ${reason})`, body);
}

const [register, registerSkipped] = "Deno" in globalThis ? denoRegisters() : bunRegisters();

/** The sanitizers stay off: the library stays open and a pool's lock may outlive the test that first used it. */
function denoRegisters(): [Register, Register] {
  const options = { sanitizeOps: false, sanitizeResources: false };
  return [
    (name, fn) => Deno.test({ name, fn, ...options }),
    (name, fn) => Deno.test({ name, fn, ignore: true, ...options }),
  ];
}

/** `import "bun:test"` would break Deno, and an awaited import would lose messages. */
function bunRegisters(): [Register, Register] {
  const module = process.getBuiltinModule("bun:test") as unknown as { test: BunTest };
  return [
    (name, body) => module.test(name, body, timeLimit),
    (name, body) => module.test.skip(name, body),
  ];
}
