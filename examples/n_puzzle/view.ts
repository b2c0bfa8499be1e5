import process from "node:process";
import type { Run } from "./run_store.ts";
import type { Answer } from "./messages.ts";

/** The terminal's side of a search with a page: it prints the address and asks when to start and when to end. */
export class View {
  /** Whether a user can answer at this terminal. The process that searches reads the answers itself. */
  readonly asks: boolean;
  #shown = false;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(wanted: boolean) {
    this.asks = wanted && process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  begin(url: string): void {
    this.#shown = true;
    process.stderr.write(`Watch the pool at ${url}\n`);
    if (this.asks) process.stderr.write("Press Enter to start the search\n");
  }

  /** Waits for the answer of a run. Its process may stay alive to show the pool. */
  async over(run: Promise<Run>): Promise<Answer> {
    const { answer, ended } = await run;
    this.#ended = ended;
    return answer;
  }

  /** Waits until the user has seen the page. */
  async end(): Promise<void> {
    if (!this.#shown) return;
    if (this.asks) process.stderr.write("Press Enter to close the page\n");
    await this.#ended;
  }
}
