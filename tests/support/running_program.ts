/** Runs a program that a test talks to while it runs, line by line, on the runtime that runs the tests. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { root, runtimeArgs } from "../../scripts/_project.ts";

/** Milliseconds of silence after which a program counts as hanging. */
const TIME_LIMIT = 60_000;

export class RunningProgram implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown[]>;
  #errors = "";

  /**
   * @param permissions Deno's flags for permissions.
   * @param moreFlags Flags for the current runtime.
   */
  constructor(
    file: URL,
    args: readonly string[],
    permissions: readonly string[],
    moreFlags: readonly string[] = [],
  ) {
    const flags = [...runtimeArgs(["--no-check", ...permissions]), ...moreFlags];
    this.#child = spawn(process.execPath, [...flags, fileURLToPath(file.href), ...args], { cwd: root });
    this.#exit = once(this.#child, "close");
    this.#child.stderr.on("data", (bytes) => this.#errors += bytes);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { done, value } = await this.#inTime(this.#lines.next());
    if (done) throw new Error(`The program printed no further line. To standard error it wrote:\n${this.#errors}`);
    return value;
  }

  /** Sends a line to its standard input. */
  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Closes its standard input and waits until it has ended. */
  async end(): Promise<{ code: unknown; stderr: string }> {
    this.#child.stdin.end();
    const [code] = await this.#inTime(this.#exit);
    return { code, stderr: this.#errors };
  }

  [Symbol.dispose](): void {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
  }

  async #inTime<T>(promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        reject(new Error(`The program was silent for ${TIME_LIMIT} ms. To standard error it wrote:\n${this.#errors}`)),
      TIME_LIMIT,
    );
    return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}
