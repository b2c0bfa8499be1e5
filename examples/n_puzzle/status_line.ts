import process from "node:process";
import { clearLine, cursorTo } from "node:readline";
import type { Status } from "./messages.ts";
import type { StoreName } from "./options.ts";
import { showBytes, showCount, showTime } from "./units.ts";

/** Shows the progress of a search in one line of the terminal. Without a terminal it shows nothing. */
export class StatusLine {
  readonly #shown: boolean;

  constructor(wanted: boolean) {
    this.#shown = wanted && process.stderr.isTTY === true && process.stdout.isTTY === true;
  }

  show(store: StoreName, { allocations, bound, milliseconds, bytes }: Status): void {
    const rate = allocations / milliseconds * 1000;
    this.#write(
      `${store}: ${showCount(allocations)} states, ${showCount(rate)} a second, ${showBytes(bytes)}, ` +
        `${showTime(milliseconds)}; at least ${bound} moves`,
    );
  }

  clear(): void {
    this.#write("");
  }

  #write(text: string): void {
    if (!this.#shown) return;
    cursorTo(process.stderr, 0);
    clearLine(process.stderr, 0);
    // A line that wraps could not be cleared.
    process.stderr.write(text.slice(0, Math.max((process.stderr.columns || 80) - 1, 20)));
  }
}
