/** A program of the tests that is talked with while it runs: by lines, on the runtime that runs the tests. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onDeno, root } from "../../scripts/_project.ts";

/** A program that is silent for so long hangs. Milliseconds. */
const PATIENCE = 60_000;

export class Talk implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown[]>;
  #errors = "";

  /** @param permissions For Deno. */
  constructor(file: URL, args: readonly string[], permissions: readonly string[]) {
    const flags = onDeno ? ["run", "--quiet", "--no-prompt", "--no-check", ...permissions] : [];
    this.#child = spawn(process.execPath, [...flags, fileURLToPath(file.href), ...args], { cwd: root });
    this.#exit = once(this.#child, "close");
    this.#child.stderr.on("data", (bytes) => this.#errors += bytes);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { done, value } = await this.#patiently(this.#lines.next());
    if (done) throw new Error(`It said nothing more. To standard error it wrote:\n${this.#errors}`);
    return value;
  }

  /** Types a line. */
  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Types no more, and waits until it has ended. */
  async end(): Promise<{ code: unknown; stderr: string }> {
    this.#child.stdin.end();
    const [code] = await this.#patiently(this.#exit);
    return { code, stderr: this.#errors };
  }

  [Symbol.dispose](): void {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
  }

  async #patiently<T>(promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`Silent for ${PATIENCE} ms. It wrote:\n${this.#errors}`)),
      PATIENCE,
    );
    return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}
