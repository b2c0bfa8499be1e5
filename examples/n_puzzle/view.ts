import process from "node:process";
import type { Run } from "./run_store.ts";
import type { Answer } from "./messages.ts";

/** The page of a search, as far as the one at the terminal is concerned, who says when it begins and when it ends. */
export class View {
  /** Whether there is somebody to ask. The process that searches reads the answers itself. */
  readonly asks: boolean;
  #shown = false;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(wanted: boolean) {
    this.asks = wanted && process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  begin(url: string): void {
    this.#shown = true;
    process.stderr.write(`The pool is to be seen at ${url}\n`);
    if (this.asks) process.stderr.write("Press Enter to begin the search\n");
  }

  /** The answer of a run, whose process may go on to show the pool. */
  async over(run: Promise<Run>): Promise<Answer> {
    const { answer, ended } = await run;
    this.#ended = ended;
    return answer;
  }

  /** Waits until all has been seen. */
  async end(): Promise<void> {
    if (!this.#shown) return;
    if (this.asks) process.stderr.write("Press Enter to end\n");
    await this.#ended;
  }
}
